//! Whether what is typed bears the name of what it calls: `subnets lock-cost` calls `subnets_lockCost`. Where it does not,
//! it is written here, and for people in README.md.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::openrpc;
use clap::{Command, CommandFactory};

use super::Cli;

/// Commands that have another name than what they call; none where that is nothing, or what they are told to call.
const COMMANDS: [(&str, &[&str]); 46] = [
    ("status", &["node_status"]),
    // The noun `chain` is taken by one command.
    ("chain", &["chain_status"]),
    ("query block", &["chain_block"]),
    ("query events", &["chain_events"]),
    ("query storage", &["chain_storage"]),
    ("query constant", &["chain_constant"]),
    ("query runtime-api", &["chain_runtimeApi"]),
    ("query metadata", &["chain_metadata"]),
    ("events", &["chain_subscribeFinalized", "events_subscribe"]),
    // Locks are stake, and btcli has a noun for them.
    ("lock list", &["stake_locks"]),
    ("lock add", &["stake_lock"]),
    ("lock mode", &["stake_setLockMode", "stake_locks"]),
    ("lock move", &["stake_moveLock"]),
    ("lock incoming", &["stake_setIncomingLocks"]),
    ("stake unlock", &["stake_setLockMode"]),
    ("stake child revoke", &["stake_childSet"]),
    // btcli 9 means another command by `claim`.
    ("stake process-claim", &["stake_claim"]),
    ("stake wizard", &[]),
    // Metagraphs are a noun to programs, and a part of a subnet to people.
    ("subnets load", &["metagraph_load"]),
    ("subnets history", &["metagraph_history"]),
    ("subnets sync", &["metagraph_sync"]),
    ("subnets matrix", &["metagraph_matrix"]),
    ("subnets registration-cost", &["subnets_burnCost"]),
    ("subnets mechanisms count", &["subnets_mechanisms"]),
    ("subnets mechanisms emissions", &["subnets_mechanisms"]),
    // The sixth Python command line has root's there.
    ("sudo get-take", &["root_getTake"]),
    ("sudo set-take", &["root_setTake"]),
    ("sudo senate", &["root_senate"]),
    ("sudo senate-vote", &["root_senateVote"]),
    ("sudo proposals", &["root_proposals"]),
    ("sudo explain", &[]),
    ("config get", &[]),
    ("config set", &[]),
    ("config clear", &[]),
    ("addr list", &[]),
    ("addr add", &[]),
    ("addr remove", &[]),
    ("utils convert", &[]),
    ("utils latency", &["chain_status", "chain_latency"]),
    ("legacy update", &[]),
    ("legacy faucet", &["wallet_faucet"]),
    ("rpc", &[]),
    ("explain", &[]),
    ("completions", &[]),
    ("man", &[]),
    ("exit-codes", &[]),
];

/// Commands that are typed by a further name too, which is that of a method which they do not call.
const FURTHER: [(&str, &str); 2] = [
    // As btcli 9's `burn-cost`: without a netuid the method tells what the command does.
    ("subnets lock-cost", "subnets_burnCost"),
    // As btcli 9's `subnets show` has all neurons; the method tells one line.
    ("subnets metagraph", "subnets_show"),
];

/// Methods that no command has the name of, and whose they are.
const METHODS: [(&str, &str); 18] = [
    ("axon_answer", "what stands behind an axon answers"),
    ("axon_screen", "what stands behind an axon lets in or turns away"),
    ("axon_serve", "what stands behind an axon takes what comes"),
    ("axon_stream", "what stands behind an axon answers bit by bit"),
    ("chain_subscribeBest", "programs follow what is not final yet"),
    ("dendrite_subscribeQuery", "programs take replies as they come"),
    ("devnet_clearFaults", "`devnet fault clear`"),
    ("metagraph_column", "programs take a part of what `subnets metagraph` shows"),
    ("metagraph_diff", "programs follow a metagraph from block to block"),
    ("metagraph_get", "programs take all that is known of a subnet"),
    ("metagraph_neuron", "`stake add --uid` and the like"),
    ("metagraph_save", "`subnets metagraph --save`"),
    ("node_stop", "whoever runs the daemon stops it as a service"),
    ("rpc_discover", "`rpc discover`, by its verb alone"),
    ("stake_addMany", "`stake add` in several places"),
    ("stake_removeAll", "`stake remove` of all that stands behind hotkeys"),
    ("stake_removeMany", "`stake remove` in several places"),
    ("subnets_show", "programs take one line of `subnets list`"),
];

/// The words of a command, each with everything else that it may be typed as.
type Path = Vec<Vec<String>>;

/// Every command that people are shown and that does something.
fn leaves(command: &Command, above: &[Vec<String>]) -> Vec<Path> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below
        .flat_map(|below| {
            let names: Vec<String> =
                [below.get_name()].into_iter().chain(below.get_all_aliases()).map(str::to_owned).collect();
            let path = [above, &[names][..]].concat();
            if below.has_subcommands() { leaves(below, &path) } else { vec![path] }
        })
        .collect()
}

/// The words by which it is known.
fn words(path: &[Vec<String>]) -> String {
    path.iter().filter_map(|names| names.first()).cloned().collect::<Vec<_>>().join(" ")
}

/// The methods that all it may be typed as would name, that of its own words first.
fn named(path: &[Vec<String>]) -> Vec<String> {
    let mut typed: Vec<Vec<&str>> = vec![Vec::new()];
    for names in path {
        let longer =
            typed.iter().flat_map(|words| names.iter().map(move |name| [&words[..], &[name.as_str()][..]].concat()));
        typed = longer.collect();
    }
    typed.iter().map(|words| method(words)).collect()
}

/// The method of that noun and verb.
fn method(words: &[&str]) -> String {
    let Some((noun, verbs)) = words.split_first() else { return String::new() };
    let parts = verbs.iter().flat_map(|verb| verb.split(['-', '_'])).enumerate();
    let cased = parts.map(|(place, part)| {
        let (first, rest) = part.split_at(part.len().min(usize::from(place > 0)));
        first.to_uppercase() + rest
    });
    format!("{noun}_{}", cased.collect::<String>())
}

#[test]
fn commands_are_named_as_methods_but_where_it_is_said() {
    let methods: BTreeSet<&str> = openrpc::names().into_iter().collect();
    let mut otherwise: BTreeMap<&str, &[&str]> = COMMANDS.into_iter().collect();
    let (mut called, mut further) = (BTreeSet::new(), BTreeSet::new());
    for path in leaves(&Cli::command(), &[]) {
        let (words, named) = (words(&path), named(&path));
        let named: Vec<Option<&str>> = named.iter().map(|name| methods.get(name.as_str()).copied()).collect();
        let calls = match (named[0], otherwise.remove(words.as_str())) {
            (Some(method), None) => vec![method],
            (None, Some(others)) => others.to_vec(),
            (Some(method), Some(_)) => panic!("`{words}` is named as `{method}` is: it is no exception"),
            (None, None) => {
                panic!("no method is named as `{words}` is: what it calls belongs here, and into README.md")
            }
        };
        let others = named.into_iter().flatten().filter(|method| !calls.contains(method));
        further.extend(others.map(|method| (words.clone(), method)));
        called.extend(calls);
    }
    assert!(otherwise.is_empty(), "there are no such commands: {otherwise:?}");
    let expected = BTreeSet::from(FURTHER.map(|(words, method)| (words.to_owned(), method)));
    assert_eq!(further, expected, "see `FURTHER`");
    assert!(called.is_subset(&methods), "there are no such methods: {:?}", called.difference(&methods));
    let uncalled: BTreeSet<&str> = methods.difference(&called).copied().collect();
    assert_eq!(uncalled, BTreeSet::from(METHODS.map(|(method, _)| method)), "see `METHODS`");
}

#[test]
fn a_method_is_named_by_noun_and_verb() {
    assert_eq!(method(&["subnets", "lock-cost"]), "subnets_lockCost");
    assert_eq!(method(&["stake", "child", "get"]), "stake_childGet");
    assert_eq!(method(&["subnets", "burn_cost"]), "subnets_burnCost");
    let path = [vec!["subnets".to_owned(), "s".to_owned()], vec!["metagraph".to_owned(), "show".to_owned()]];
    assert_eq!(named(&path), ["subnets_metagraph", "subnets_show", "s_metagraph", "s_show"]);
}
