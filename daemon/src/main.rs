//! The process: arguments in, exit code out. What happens between is the library's.
//!
//! Exit codes: 0 stopped when asked to; 2 the command line is wrong; 78 the configuration is wrong
//! (`EX_CONFIG`); 130 a second signal did not wait; 1 anything else, with the reason on stderr.

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use btd::{
    config::{self, ConfigError, Directories, Environment, Flags, Setting},
    daemon::{self, DaemonError, Settings},
    logs, rpc,
};
use clap::Parser;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// The daemon of Bittensor operators: keys, chain, axon and dendrite behind one local socket.
///
/// Every setting can stand in a file (see btd.toml) or in a variable `BTD_*`; the flags are for
/// those that change from run to run. `btctl` talks to the running daemon.
#[derive(Debug, Parser)]
#[command(name = "btd", version, max_term_width = 100)]
struct Arguments {
    /// The chain: finney, test, archive, local, devnet (a development chain inside btd), or a ws:// or wss:// URL
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// The file of settings [env: BTD_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// devnet: time between blocks, such as 12s or 250ms, or `instant` for a block per extrinsic
    #[arg(long, value_name = "TIME")]
    block_time: Option<String>,
    /// devnet: what the chain begins with: empty, default, localnet, busy, or `busy:SUBNETSxNEURONS[:SEED]`
    #[arg(long, value_name = "PROFILE")]
    devnet_profile: Option<String>,
    /// devnet: keep the chain in this directory; without it, it is gone when btd stops
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// devnet: where the chain answers Substrate JSON-RPC, 127.0.0.1:9944 unless said otherwise
    #[arg(long, value_name = "IP:PORT")]
    devnet_listen: Option<String>,
    /// Keep btd's own state here, and its cache in `cache` below
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The wallets directory
    #[arg(long, value_name = "DIR")]
    wallets: Option<String>,
    /// The control socket [env: BTD_SOCKET]
    #[arg(long, value_name = "PATH")]
    socket: Option<String>,
    /// What to log: error, warn, info, debug, or levels by module such as `info,btd::axon=debug`
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// The form of the log: human or json
    #[arg(long, value_name = "FORM")]
    log_format: Option<String>,
}

impl Arguments {
    fn flags(self) -> Flags {
        let directory = |dir: &PathBuf| dir.to_string_lossy().into_owned();
        let settings = [
            ("--network", "network", self.network),
            ("--block-time", "devnet.block_time", self.block_time),
            ("--devnet-profile", "devnet.profile", self.devnet_profile),
            ("--state", "devnet.state", self.state),
            ("--devnet-listen", "devnet.listen", self.devnet_listen),
            ("--data-dir", "directories.state", self.data_dir.as_ref().map(directory)),
            ("--data-dir", "directories.cache", self.data_dir.as_ref().map(|dir| directory(&dir.join("cache")))),
            ("--wallets", "directories.wallets", self.wallets),
            ("--socket", "rpc.socket", self.socket),
            ("--log", "log.filter", self.log),
            ("--log-format", "log.format", self.log_format),
        ];
        let set = |(flag, key, value): (_, _, Option<String>)| value.map(|value| Setting { flag, key, value });
        Flags { file: self.config, settings: settings.into_iter().filter_map(set).collect() }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = hide() {
        return complain(&error, 1);
    }
    let settings = match settings(&arguments.flags()) {
        Ok(settings) => settings,
        Err(error) => return complain(&error, 78),
    };
    if let Err(error) = logs::begin(&settings.config.log, &rpc::CARRIERS, btd_devnet::RUNTIME_THREAD) {
        return complain(&error, 78);
    }
    open_as_many_files_as_may_be();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, 1),
    };
    let ended = runtime.block_on(daemon::run(settings));
    // What still blocks a thread (a key derivation, say) does not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(50));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ DaemonError::Impatient) => complain(&error, 130),
        Err(error) => complain(&error, 1),
    }
}

/// Passwords pass through this process on their way to the signer: no core of it is dumped, and no
/// other process of its user looks into it.
fn hide() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Each connection takes a descriptor. The limit that a shell gives is lower than what an axon carries, and
/// every process may raise it up to a second one.
fn open_as_many_files_as_may_be() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%error, open_files = limit.current, "the limit of open files stays as it is");
    }
}

fn settings(flags: &Flags) -> Result<Settings, ConfigError> {
    let environment = Environment::of_process();
    let (config, effective) = config::load_with_origins(flags, &environment)?;
    let directories = Directories::settle(&config.directories, &environment, nix::unistd::geteuid().as_raw())?;
    let (credentials, service_manager) = (environment.credentials(), environment.service_manager(std::process::id()));
    let signer = environment.beside("btd-signer");
    Ok(Settings { config, effective, directories, credentials, signer, service_manager })
}

#[expect(clippy::print_stderr, reason = "the last word of the process, also when there is no log yet")]
fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}
