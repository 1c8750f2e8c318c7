//! Runs a development chain until interrupted: `devnet [ADDRESS] [BLOCK-TIME] [STATE-DIRECTORY]`.
//!
//! The chain that `btd --network devnet` embeds, by itself, for trying clients against it.

use std::{error::Error, io::Write as _, time::Instant};

use btd_devnet::{Config, Devnet};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let mut config = Config::default();
    if let Some(address) = arguments.next() {
        config.listen = address.parse()?;
    }
    if let Some(block_time) = arguments.next() {
        config.block_time = block_time.parse()?;
    }
    config.state = arguments.next().map(Into::into);

    let chain = Devnet::start(config).await?;
    writeln!(std::io::stdout(), "ws://{} ready after {:?}", chain.address(), started.elapsed())?;
    let interrupted = CancellationToken::new();
    let interrupt = interrupted.clone();
    tokio::spawn(async move {
        // Without a handler for the signal there is nothing to wait for.
        let _ = tokio::signal::ctrl_c().await;
        interrupt.cancel();
    });
    chain.run_until(interrupted).await?;
    Ok(())
}
