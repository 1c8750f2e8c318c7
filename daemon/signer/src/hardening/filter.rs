//! The system calls that the signer keeps: files, memory, threads, time, and streams that are open.
//!
//! Everything else fails with `EPERM`: no socket can be made, of any family, and none connected; no
//! program can be run, no process forked, none traced or signalled. `clone3` fails with `ENOSYS`,
//! after which the C library makes threads by `clone`, whose flags a filter can see.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// How connections come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doors {
    /// All are open already.
    Shut,
    /// Listening sockets are open, and more connections are accepted from them.
    Accept,
}

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The filter could not be made for this machine.
    #[error("no filter of system calls can be made for this machine: {0}")]
    Machine(#[from] BackendError),
    /// The kernel does not take it.
    #[error("the kernel does not take a filter of system calls: {0}")]
    Kernel(#[from] seccompiler::Error),
}

/// Files. The directories that they may lie in are the service manager's to limit.
const FILES: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_flock,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_copy_file_range,
    libc::SYS_fcntl,
    libc::SYS_dup,
];

/// The same by the names of the first years.
#[cfg(target_arch = "x86_64")]
const OLD_FILES: &[libc::c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_link,
    libc::SYS_unlink,
    libc::SYS_mkdir,
    libc::SYS_rename,
    libc::SYS_chmod,
    libc::SYS_poll,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_FILES: &[libc::c_long] = &[];

/// Streams that are open.
const STREAMS: &[libc::c_long] = &[
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    libc::SYS_shutdown,
    libc::SYS_ppoll,
];

/// Memory, threads of this process, time, randomness, the end.
const PROCESS: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mlockall,
    libc::SYS_munlockall,
    libc::SYS_membarrier,
    libc::SYS_futex,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_prlimit64,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

pub(super) fn install(doors: Doors) -> Result<(), FilterError> {
    // The kernel heeds the stricter of the two. This one first: the other does not let it in.
    apply_filter(&no_clone3()?)?;
    apply_filter(&kept(doors)?)?;
    Ok(())
}

fn no_clone3() -> Result<BpfProgram, FilterError> {
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules = [(libc::SYS_clone3, vec![])].into_iter().collect();
    program(SeccompFilter::new(rules, SeccompAction::Allow, missing, machine()?)?)
}

fn kept(doors: Doors) -> Result<BpfProgram, FilterError> {
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let accept: &[libc::c_long] = match doors {
        Doors::Shut => &[],
        Doors::Accept => &[libc::SYS_accept, libc::SYS_accept4],
    };
    let whole = [FILES, OLD_FILES, STREAMS, PROCESS, accept, &[libc::SYS_clone3]].concat();
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        whole.into_iter().map(|number| (number, vec![])).collect();
    // Threads, and no processes.
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    rules.insert(libc::SYS_clone, vec![only(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // Names of threads.
    rules.insert(libc::SYS_prctl, vec![only(0, SeccompCmpOp::Eq, libc::PR_SET_NAME.unsigned_abs().into())?]);
    program(SeccompFilter::new(rules, refused, SeccompAction::Allow, machine()?)?)
}

/// The rule that argument `index` compares to `value`.
fn only(index: u8, comparison: SeccompCmpOp, value: u64) -> Result<SeccompRule, FilterError> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Qword, comparison, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn machine() -> Result<TargetArch, FilterError> {
    Ok(std::env::consts::ARCH.try_into()?)
}

fn program(filter: SeccompFilter) -> Result<BpfProgram, FilterError> {
    Ok(filter.try_into()?)
}
