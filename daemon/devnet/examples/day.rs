//! Runs a development chain for a day of blocks and shows what memory it holds, every hundredth part of the day.
//!
//! `cargo run -p btd-devnet --example day -- [BLOCKS]`; 7,200 blocks of 12 seconds are a day. It fails when the second
//! half of the day ends with more than a quarter above what the first half ended with.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool that cannot go on stops here")]

use std::{io::Write, time::Duration};

use btd_devnet::{BlockTime, Clock, Config, Devnet, Retention};

/// Blocks of a day.
const DAY: u32 = 7_200;

/// Memory this process holds, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let blocks = std::env::args().nth(1).map_or(Ok(DAY), |text| text.parse())?;
    let chain = Devnet::start(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        block_time: BlockTime::Every(Duration::from_hours(1)),
        clock: Clock::Stepped { start: 1_700_000_000_000 },
        // So little of the past that it is full long before the first half is over.
        retention: Retention { states: 256, blocks: 1_024, block_bytes: 4 << 20 },
        ..Config::default()
    })
    .await?;
    let mut out = std::io::stdout().lock();
    let (step, mut at_half) = ((blocks / 100).max(1), 0);
    let mut made = 0;
    while made < blocks {
        let count = step.min(blocks - made);
        chain.mine(count).await?;
        made += count;
        writeln!(out, "block {made}: {} KiB", resident())?;
        if at_half == 0 && made * 2 >= blocks {
            at_half = resident();
        }
    }
    let at_end = resident();
    chain.stop().await?;
    if at_end > at_half + at_half / 4 {
        return Err(format!("memory grew from {at_half} KiB to {at_end} KiB").into());
    }
    writeln!(out, "memory went from {at_half} KiB at half of the day to {at_end} KiB at its end")?;
    Ok(())
}
