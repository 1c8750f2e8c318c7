//! `btctl devnet fault`: faults put in force, listed, cleared.

use std::time::Duration;

use btd_api::{
    devnet::{ActiveFault, ClearFaults, Connections, Fault, FaultParams, Faults, SetFault, Status},
    rpc::Nothing,
};
use clap::{Args, ValueEnum};

use crate::{
    args::duration,
    exit::Exit,
    failure::Failure,
    output::{Page, text},
    session::Session,
};

/// `btctl devnet fault`
#[derive(Args, Debug)]
pub(crate) struct FaultArgs {
    /// The fault; without one, those in force are listed
    #[arg(value_enum, ignore_case = true)]
    fault: Option<Choice>,
    /// For drop, refuse and delay: which connections
    #[arg(long, value_enum, ignore_case = true, default_value_t = Which::All, requires = "fault")]
    connections: Which,
    /// For delay: how late answers come
    #[arg(long, value_name = "DURATION", value_parser = duration, required_if_eq("fault", "delay"))]
    delay: Option<Duration>,
    /// For how long; without it, until `btctl devnet fault clear`
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, requires = "fault")]
    lasting: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// Cut the connections, once
    Drop,
    /// Cut the connections, and new ones too
    Refuse,
    /// Answer late
    Delay,
    /// Make blocks, and let none become final
    StallFinality,
    /// Make no blocks but those asked for
    StallBlocks,
    /// End every fault
    Clear,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// Plain HTTP
    Http,
    /// WebSockets, btd's own link among them
    Ws,
    /// Every connection
    All,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl FaultArgs ===

impl FaultArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let fault = match self.fault {
            None => {
                let reply = session.call::<Status>(&Nothing {}).await?;
                return session.out.reply(&reply, |status, _| listed(&status.faults)).map(|()| Exit::Success);
            }
            Some(Choice::Clear) => {
                let reply = session.call::<ClearFaults>(&Nothing {}).await?;
                return session.out.reply(&reply, render).map(|()| Exit::Success);
            }
            Some(Choice::Drop) => Fault::Drop,
            Some(Choice::Refuse) => Fault::Refuse,
            Some(Choice::Delay) => Fault::Delay,
            Some(Choice::StallFinality) => Fault::StallFinality,
            Some(Choice::StallBlocks) => Fault::StallBlocks,
        };
        let connections = match self.connections {
            Which::Http => Connections::Http,
            Which::Ws => Connections::Ws,
            Which::All => Connections::All,
        };
        let (delay_ms, for_ms) = (self.delay.map(millis), self.lasting.map(millis));
        let reply = session.call::<SetFault>(&FaultParams { fault, connections, delay_ms, for_ms }).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

fn render(faults: &Faults, _: Page) -> String {
    match faults.dropped {
        Some(dropped) => format!("{} cut\n", text::count(dropped as usize, "connection")),
        None => listed(&faults.faults),
    }
}

fn listed(faults: &[ActiveFault]) -> String {
    if faults.is_empty() {
        return "no fault is in force\n".to_owned();
    }
    faults.iter().map(|active| described(active) + "\n").collect()
}

/// One fault in words.
pub(super) fn described(active: &ActiveFault) -> String {
    let whose = match active.connections {
        Some(Connections::Http) => "plain HTTP",
        Some(Connections::Ws) => "WebSockets",
        Some(Connections::All) | None => "every connection",
    };
    let words = match active.fault {
        Fault::Drop => format!("cut once: {whose}"),
        Fault::Refuse => format!("refused: {whose}"),
        Fault::Delay => {
            let late = text::duration(Duration::from_millis(active.delay_ms.unwrap_or_default()));
            format!("answers {late} late: {whose}")
        }
        Fault::StallFinality => "finality stands still".to_owned(),
        Fault::StallBlocks => "no block is made by itself".to_owned(),
    };
    match active.left_ms {
        Some(left) => format!("{words}, for {} more", text::duration(Duration::from_millis(left))),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_as_sentences() {
        let active = |fault, connections, delay_ms, left_ms| ActiveFault { fault, connections, delay_ms, left_ms };
        let faults = [
            active(Fault::Refuse, Some(Connections::Ws), None, None),
            active(Fault::StallFinality, None, None, Some(5_000)),
        ];
        assert_eq!(listed(&faults), "refused: WebSockets\nfinality stands still, for 5 s more\n");
        assert_eq!(listed(&[]), "no fault is in force\n");
        let late = described(&active(Fault::Delay, Some(Connections::Http), Some(2_000), None));
        assert_eq!(late, "answers 2 s late: plain HTTP");
    }
}
