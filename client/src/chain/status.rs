//! How the link to the chain stands, endpoint by endpoint.

use btd_api::{
    chain::{ChainStatus, EndpointStatus, Standing, Status},
    rpc::Nothing,
};

use crate::{
    exit::Exit,
    failure::Failure,
    node,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl chain`
pub(super) async fn run(session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<Status>(&Nothing {}).await?;
    session.out.reply(&reply, render).map(|()| Exit::Success)
}

fn render(status: &ChainStatus, page: Page) -> String {
    let mut facts = Facts::default();
    node::chain(status, page, &mut facts);
    if let Some(genesis) = &status.genesis {
        facts.add("genesis", genesis.to_string());
    }
    if !status.features.is_empty() {
        facts.add("features", status.features.join(", "));
    }
    let mut table = Table::new(&[
        Column::text("ENDPOINT"),
        Column::text("STANDING"),
        Column::number("BLOCK"),
        Column::text("SEEN").leaves(3),
        Column::number("LATENCY (ms)").leaves(2),
        Column::number("REQUESTS").leaves(1),
        Column::text("TROUBLE"),
    ]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for endpoint in &status.endpoints {
        table.row(&[
            endpoint.endpoint.clone(),
            standing(endpoint),
            or_dash(endpoint.finalized.as_ref().map(|block| block.number.to_string())),
            or_dash(endpoint.seen_ms.map(text::ago)),
            or_dash(endpoint.latency_ms.map(|latency| latency.to_string())),
            endpoint.requests.to_string(),
            trouble(endpoint),
        ]);
    }
    format!("{}\n{}", facts.render(page), table.render(page))
}

fn standing(endpoint: &EndpointStatus) -> String {
    let standing = match endpoint.standing {
        Standing::Unknown => "not tried yet",
        Standing::Active => "active",
        Standing::Standby => "standby",
        Standing::Resting => "resting",
    };
    if endpoint.archive { format!("archive, {standing}") } else { standing.to_owned() }
}

fn trouble(endpoint: &EndpointStatus) -> String {
    let mut troubles: Vec<&str> = endpoint.trouble.as_deref().into_iter().collect();
    if endpoint.rate_limited && !troubles.contains(&"rate-limited") {
        troubles.push("rate-limited");
    }
    if endpoint.pruned {
        troubles.push("keeps no old state");
    }
    if troubles.is_empty() { "-".to_owned() } else { text::visible(&troubles.join(", ")).into_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_endpoint_is_a_line() {
        let endpoint = |url: &str, standing: &str, trouble: Option<&str>, archive: bool| {
            json!({
                "endpoint": url, "archive": archive, "standing": standing, "trouble": trouble, "reason": trouble,
                "finalized": { "number": 12, "hash": format!("0x{}", "00".repeat(32)) },
                "seen_ms": 4000, "latency_ms": 21, "requests": 7, "failures": 0, "pruned": !archive,
                "rate_limited": false, "rests_ms": null,
            })
        };
        let status: ChainStatus = serde_json::from_value(json!({
            "network": "finney", "link": "live", "endpoint": "wss://a", "genesis": null, "spec_version": 425,
            "finalized": null, "finalized_age_ms": null, "trouble": null, "lag": 1,
            "endpoints": [
                endpoint("wss://a", "active", None, false),
                endpoint("wss://b", "resting", Some("behind"), false),
                endpoint("wss://c", "unknown", None, true),
            ],
            "features": ["metagraph-api", "mechanisms"],
        }))
        .unwrap();
        let expected = "\
chain     finney, live
endpoint  wss://a
runtime   spec 425
lag       1 block behind the newest that was seen
features  metagraph-api, mechanisms

ENDPOINT  STANDING                BLOCK  SEEN     LATENCY (ms)  REQUESTS  TROUBLE
wss://a   active                     12  4 s ago            21         7  keeps no old state
wss://b   resting                    12  4 s ago            21         7  behind, keeps no old state
wss://c   archive, not tried yet     12  4 s ago            21         7  -
";
        assert_eq!(render(&status, Page::default()), expected);
    }
}
