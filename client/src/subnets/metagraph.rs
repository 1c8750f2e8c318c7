//! A subnet with all its neurons, in the columns that operators know from the older command line.

use std::path::{Path, PathBuf};

use btd_api::{
    Alpha, MechId, NetUid,
    chain::BlockId,
    metagraph::{FileFormat, Save, SaveParams},
    subnets::{Metagraph, MetagraphReply, Neuron, SubnetMetagraphParams, SubnetParams},
};
use clap::Args;
use serde_json::json;

use super::{
    AtBlock,
    list::{cost, is_closed},
};
use crate::{
    exit::Exit,
    failure::Failure,
    live::LiveArgs,
    output::{
        Format, Page,
        column::{self, Key, Shown},
        file,
        table::Column,
        text,
    },
    session::Session,
};

/// `btctl subnets metagraph`
#[derive(Args, Debug)]
pub(crate) struct MetagraphArgs {
    #[command(flatten)]
    subnet: AtBlock,
    /// The mechanism; 0 is the main one
    #[arg(
        long,
        value_name = "MECHID",
        default_value = "0",
        aliases = ["mech-id", "mech_id", "mechanism-id", "mechanism_id"]
    )]
    mechid: MechId,
    /// The columns to show, with commas: uid,stake,rank,trust,consensus,incentive,dividends,emission,
    /// vtrust,val,updated,active,axon,hotkey,coldkey, and name
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = column)]
    columns: Vec<&'static Shown<Neuron>>,
    /// Sort by this column: numbers from the largest on, texts from the first on; without one, by uid
    #[arg(
        long, visible_alias = "sort-by", value_name = "COLUMN", num_args = 0..=1, default_missing_value = "uid",
        value_parser = column
    )]
    sort: Option<&'static Shown<Neuron>>,
    /// Save everything that the chain keeps of it to a file, - for standard output: NumPy's form where
    /// the name ends with .npz, else btd's own. With --json a document tells where it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["columns", "sort", "live"])]
    save: Option<PathBuf>,
    #[command(flatten)]
    live: LiveArgs,
}

/// All columns in their order. Those before the last are shown unless others are asked for.
static COLUMNS: [Shown<Neuron>; 16] = [
    Shown {
        name: "uid",
        column: Column::number("UID"),
        text: |neuron, _| neuron.uid.to_string(),
        key: |neuron, _| Key::Order(neuron.uid.0.into()),
    },
    Shown {
        name: "stake",
        column: Column::number("STAKE (α)"),
        text: |neuron, _| format!("{:.4}", neuron.stake),
        key: |neuron, _| Key::Amount(neuron.stake.rao()),
    },
    Shown {
        name: "rank",
        column: Column::number("RANK").leaves(12),
        text: |neuron, _| neuron.rank.map_or_else(none, score),
        key: |neuron, _| Key::Number(neuron.rank.unwrap_or(f64::NEG_INFINITY)),
    },
    Shown {
        name: "trust",
        column: Column::number("TRUST").leaves(11),
        text: |neuron, _| neuron.trust.map_or_else(none, score),
        key: |neuron, _| Key::Number(neuron.trust.unwrap_or(f64::NEG_INFINITY)),
    },
    Shown {
        name: "consensus",
        column: Column::number("CONSENSUS").leaves(8),
        text: |neuron, _| score(neuron.consensus),
        key: |neuron, _| Key::Number(neuron.consensus),
    },
    Shown {
        name: "incentive",
        column: Column::number("INCENTIVE").leaves(3),
        text: |neuron, _| score(neuron.incentive),
        key: |neuron, _| Key::Number(neuron.incentive),
    },
    Shown {
        name: "dividends",
        column: Column::number("DIVIDENDS").leaves(4),
        text: |neuron, _| score(neuron.dividends),
        key: |neuron, _| Key::Number(neuron.dividends),
    },
    Shown {
        name: "emission",
        column: Column::number("EMISSION (α)").leaves(2),
        text: |neuron, _| format!("{:.6}", neuron.emission),
        key: |neuron, _| Key::Amount(neuron.emission.rao()),
    },
    Shown {
        name: "vtrust",
        column: Column::number("VTRUST").leaves(7),
        text: |neuron, _| neuron.validator_trust.map_or_else(none, score),
        key: |neuron, _| Key::Number(neuron.validator_trust.unwrap_or(f64::NEG_INFINITY)),
    },
    Shown {
        name: "val",
        column: Column::text("VAL").leaves(6),
        text: |neuron, _| mark(neuron.validator_permit),
        key: |neuron, _| Key::Amount(neuron.validator_permit.into()),
    },
    Shown {
        name: "updated",
        column: Column::number("UPDATED").leaves(5),
        text: |neuron, block| {
            let age = u64::from(block).checked_sub(neuron.last_update);
            age.map_or_else(|| "-".to_owned(), |blocks| blocks.to_string())
        },
        key: |neuron, _| Key::Amount(neuron.last_update),
    },
    Shown {
        name: "active",
        column: Column::text("ACTIVE").leaves(9),
        text: |neuron, _| mark(neuron.active),
        key: |neuron, _| Key::Amount(neuron.active.into()),
    },
    Shown {
        name: "axon",
        column: Column::text("AXON").leaves(1),
        text: |neuron, _| axon(neuron),
        key: |neuron, _| Key::Text(axon(neuron)),
    },
    Shown {
        name: "hotkey",
        column: Column::address("HOTKEY"),
        text: |neuron, _| neuron.hotkey.to_string(),
        key: |neuron, _| Key::Text(neuron.hotkey.to_string()),
    },
    Shown {
        name: "coldkey",
        column: Column::address("COLDKEY").leaves(10),
        text: |neuron, _| neuron.coldkey.to_string(),
        key: |neuron, _| Key::Text(neuron.coldkey.to_string()),
    },
    Shown {
        name: "name",
        column: Column::text("NAME"),
        text: |neuron, _| {
            neuron.identity.as_deref().map_or_else(|| "-".to_owned(), |name| text::visible(name).into_owned())
        },
        key: |neuron, _| Key::Text(neuron.identity.clone().unwrap_or_default()),
    },
];

/// The columns of old, which are shown unless others are asked for.
const USUAL: usize = 15;

fn column(name: &str) -> Result<&'static Shown<Neuron>, String> {
    column::find(&COLUMNS, name)
}

// === impl MetagraphArgs ===

impl MetagraphArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let SubnetParams { netuid, block } = self.subnet.params();
        let mechid = self.mechid;
        if let Some(path) = self.save {
            return save(session, (netuid, mechid, block), path).await;
        }
        let at_least = |at_least| SubnetMetagraphParams { netuid, mechid, block, at_least };
        let render = |reply: &MetagraphReply, page: Page| render(reply, page, &self.columns, self.sort);
        if self.live.is_wanted(block)? {
            return self.live.follow::<Metagraph>(session, at_least, render).await;
        }
        let reply = session.call::<Metagraph>(&at_least(None)).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

async fn save(
    session: &Session,
    (netuid, mechid, block): (NetUid, MechId, Option<BlockId>),
    path: PathBuf,
) -> Result<Exit, Failure> {
    let is_npz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"));
    let format = if is_npz { FileFormat::Npz } else { FileFormat::Btd };
    let params = SaveParams { netuid, format, mechid, block };
    let reply = session.call::<Save>(&params).await?.read()?;
    let digits = reply.bytes.strip_prefix("0x").unwrap_or(&reply.bytes);
    let reason = "its bytes are not hex".to_owned();
    let bytes = hex::decode(digits).map_err(|_| Failure::Lost { method: "metagraph_save", reason })?;
    // Where standard output goes to a file, that file is added to, not replaced.
    if path == Path::new("-") || path == Path::new("/dev/stdout") {
        session.out.bytes(&bytes)?;
        if !reply.matrices && session.out.format() == Format::Human {
            session.out.warn(WITHOUT);
        }
        return Ok(Exit::Success);
    }
    file::put(&path, &bytes, file::Mode::Kept(0o666)).map_err(|source| Failure::File { path: path.clone(), source })?;
    match session.out.format() {
        Format::Json => {
            let saved = json!({
                "path": path.to_string_lossy(), "bytes": bytes.len(), "format": format, "netuid": netuid,
                "mechid": mechid, "matrices": reply.matrices, "at": reply.at,
            });
            session.out.document(&saved.to_string())?;
        }
        Format::Human => {
            let at = text::at(&reply.at, session.out.page());
            let saved = saved(bytes.len(), &path, &at, reply.matrices);
            if reply.matrices { session.out.note(saved) } else { session.out.warn(saved) }
        }
    }
    Ok(Exit::Success)
}

/// Said of a file that is not told from a whole one by its size.
const WITHOUT: &str = "without weights and bonds, which were not recorded";

fn saved(bytes: usize, path: &Path, at: &str, matrices: bool) -> String {
    let without = if matrices { String::new() } else { format!("{WITHOUT}, ") };
    format!("saved {bytes} bytes to {}, {without}{at}", path.display())
}

fn render(
    reply: &MetagraphReply,
    page: Page,
    columns: &[&'static Shown<Neuron>],
    sort: Option<&'static Shown<Neuron>>,
) -> String {
    let columns = if columns.is_empty() { COLUMNS.iter().take(USUAL).collect() } else { columns.to_vec() };
    // The age of weights is told as of now, however long ago anything else was read.
    let block = reply.at.block.number.max(reply.subnet_at.block.number).0;
    let table = column::table(&column::sorted(&reply.neurons, (sort, None), block), &columns, block);
    format!("{}{}{}", heading(reply, page), table.render(page), footer(reply, page))
}

fn heading(reply: &MetagraphReply, page: Page) -> String {
    let subnet = &reply.subnet;
    let name = page.bold(format_args!("subnet {} {}", subnet.netuid, text::visible(&subnet.name)));
    format!(
        "{name}, owner {}, {}/{} neurons, tempo {}/{}, price {}, registering {}\n",
        subnet.owner.map_or_else(none, |owner| owner.to_string()),
        subnet.neurons,
        subnet.max_neurons,
        subnet.blocks_since_epoch,
        subnet.tempo,
        subnet.price.map_or_else(none, |price| format!("τ{price:.6}")),
        if is_closed(subnet) { cost(subnet) } else { format!("τ{}", cost(subnet)) },
    )
}

fn footer(reply: &MetagraphReply, page: Page) -> String {
    let sum = |amount: fn(&Neuron) -> Alpha| {
        reply.neurons.iter().fold(Alpha::ZERO, |sum, neuron| sum.saturating_add(amount(neuron)))
    };
    let (stake, emission) = (sum(|neuron| neuron.stake), sum(|neuron| neuron.emission));
    let count = text::count(reply.neurons.len(), "neuron");
    format!("{count}, stake {stake:.4} α, emission {emission:.6} α per epoch, {}\n", text::at(&reply.at, page))
}

fn score(score: f64) -> String {
    format!("{score:.5}")
}

/// What the runtime does not keep.
fn none() -> String {
    "-".to_owned()
}

fn mark(holds: bool) -> String {
    if holds { "*".to_owned() } else { "-".to_owned() }
}

fn axon(neuron: &Neuron) -> String {
    neuron.axon.as_ref().map_or_else(|| "none".to_owned(), |axon| format!("{}:{}", axon.ip, axon.port))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{output::Colour, subnets::list::tests::summary};

    #[test]
    fn a_file_without_weights_and_bonds_is_said_to_be() {
        let told = |matrices| saved(12, Path::new("one.btd"), "at block #9, just now", matrices);
        assert_eq!(told(true), "saved 12 bytes to one.btd, at block #9, just now");
        let without =
            "saved 12 bytes to one.btd, without weights and bonds, which were not recorded, at block #9, just now";
        assert_eq!(told(false), without);
    }

    fn sample() -> MetagraphReply {
        let neuron = |uid: u16, axon: serde_json::Value| {
            json!({
                "uid": uid,
                "hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                "coldkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
                "active": true, "validator_permit": uid == 0,
                "stake": "1500000000", "alpha_stake": "1500000000", "tao_stake": "0",
                "rank": null, "trust": null, "consensus": 0.5, "incentive": 0.5, "dividends": 1.0, "validator_trust": 0.0,
                "emission": "1000", "last_update": 4, "registered_at": 2, "axon": axon, "identity": null,
            })
        };
        serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": true },
            "subnet_at": { "number": 10, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 1, "stale": true },
            "subnet": summary(),
            "neurons": [
                neuron(0, json!({ "ip": "127.0.0.1", "port": 8091, "version": 1, "block": 3 })),
                neuron(1, json!(null)),
            ],
        }))
        .unwrap()
    }

    #[test]
    fn the_columns_of_old_are_there() {
        let text = render(&sample(), Page::default(), &[], None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "subnet 1 apex, owner 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY, 2/256 neurons, tempo 82/100, \
             price τ1.000000, registering τ0.100000"
        );
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(lines[1]),
            "UID STAKE (α) RANK TRUST CONSENSUS INCENTIVE DIVIDENDS EMISSION (α) VTRUST VAL UPDATED ACTIVE AXON HOTKEY COLDKEY"
        );
        assert_eq!(
            words(lines[2]),
            "0 1.5000 - - 0.50000 0.50000 1.00000 0.000001 0.00000 * 6 * 127.0.0.1:8091 \
             5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
        );
        assert_eq!(
            lines[4],
            "2 neurons, stake 3.0000 α, emission 0.000002 α per epoch, STALE: blocks stopped arriving; this is block #9, just now"
        );
    }

    #[test]
    fn an_owner_that_the_runtime_does_not_tell_is_no_address() {
        let mut reply = sample();
        (reply.subnet.owner, reply.subnet.registration_allowed) = (None, None);
        let text = render(&reply, Page::default(), &[], None);
        let head = text.lines().next().unwrap();
        assert!(head.contains("owner -, ") && head.ends_with("registering τ0.100000"), "{head}");
        reply.subnet.registration_allowed = Some(false);
        let text = render(&reply, Page::default(), &[], None);
        assert!(text.lines().next().unwrap().ends_with("registering closed"), "{text}");
    }

    #[test]
    fn a_narrow_terminal_keeps_what_matters_most() {
        let text = render(&sample(), Page { width: Some(80), colour: Colour::Plain }, &[], None);
        let head = text.lines().nth(1).unwrap();
        assert!(head.chars().count() <= 80, "{head}");
        assert!(head.starts_with("UID") && head.contains("STAKE") && head.contains("HOTKEY") && head.contains("AXON"));
        assert!(text.contains("not shown for want of width: RANK, TRUST"), "{text}");
    }

    #[test]
    fn columns_are_chosen_and_rows_sorted() {
        let mut reply = sample();
        reply.neurons[1].stake = Alpha::from_rao(9_000_000_000);
        reply.neurons[1].identity = Some("nine".to_owned());
        let columns = ["stake", "uid", "NAME"].map(|name| column(name).unwrap());
        let text = render(&reply, Page::default(), &columns, Some(column("stake").unwrap()));
        let lines: Vec<&str> = text.lines().skip(1).take(3).collect();
        assert_eq!(lines, ["STAKE (α)  UID  NAME", "   9.0000    1  nine", "   1.5000    0  -"]);
        assert!(column("weight").unwrap_err().contains("there are: uid, stake"));
    }
}
