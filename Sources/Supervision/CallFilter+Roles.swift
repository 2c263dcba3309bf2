import Linux

// The lists: found by strace of both builds of each task, in work and in every fault of the tests.
extension CallFilter {
  /// Computing, waiting, time, its own memory, what it has open, its own end: for every task.
  private static var common: CallFilter {
    var filter = CallFilter()
    filter.allow([
      "read", "readv", "write", "writev", "pread64", "lseek", "close", "fstat", "newfstatat",
      "statx", "fcntl", "poll", "ppoll", "munmap", "mremap", "madvise", "brk", "futex",
      "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
      "getrandom", "exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "rt_sigaction",
      "sigaltstack", "getpid", "gettid", "getppid", "tgkill", "restart_syscall", "sched_yield",
      "sched_getaffinity", "sysinfo", "uname", "getuid", "geteuid", "getgid", "getegid",
      "getrlimit", "getrusage", "eventfd2", "timerfd_create", "timerfd_settime", "signalfd4",
      // To a console that is a socket; it makes none.
      "sendto",
      // glibc's standard streams.
      "rseq", "set_robust_list",
    ])
    // Limits are read, never raised.
    filter.allow("prlimit64", if: [Condition(argument: 2, mask: .max, value: 0)])
    // The C library forks with all signals blocked: then a trap would end the task. So these are
    // refused without a note, and who called may say so (EPERM).
    for name in ["fork", "vfork", "clone", "clone3"] as [StaticString] {
      filter.rules.append(Rule(name: name, quietError: 1))
    }
    for name in ["mmap", "mprotect"] as [StaticString] {
      filter.allow(name, if: [Condition(argument: 2, mask: executableMask, value: 0)])
    }
    filter.allowDeviceCalls(0x5401, mask: 0xFFFF_FFFF)  // TCGETS: is it a terminal?
    return filter
  }

  /// PROT_EXEC, where nothing is loaded later: memory is data, or code, and never becomes the
  /// other. In an ordinary build the C library loads what resolves names.
  private static var executableMask: UInt64 {
    #if hasFeature(Embedded)
      4
    #else
      0
    #endif
  }

  private mutating func allowDeviceCalls(_ request: UInt64, mask: UInt64) {
    allow("ioctl", if: [Condition(argument: 1, mask: mask, value: request)])
  }

  // O_ACCMODE, O_CREAT and O_TRUNC.
  private static var writing: UInt64 { 0o3 }
  private static var making: UInt64 { 0o1100 }

  private mutating func allowFiles(refusing flags: UInt64) {
    allow([
      "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "lstat", "stat",
      "fstatfs", "statfs",
    ])
    allow("openat", if: [Condition(argument: 2, mask: flags, value: 0)])
    allow("open", if: [Condition(argument: 1, mask: flags, value: 0)])
  }

  /// The pipeline opens nothing.
  public static var pipeline: CallFilter { common }

  /// Sense tasks open devices and files of sysfs, for writing too, and make none.
  public static var sense: CallFilter {
    var filter = common
    filter.allowFiles(refusing: making)
    filter.allowDeviceCalls(0x0700, mask: 0xFFFF_FF00)  // i2c-dev
    filter.allowDeviceCalls(0xB400, mask: 0xFF00)  // gpiochip
    return filter
  }

  /// Tasks that only simulate what they sense, or read files of sysfs.
  public static var senseFiles: CallFilter {
    var filter = common
    filter.allowFiles(refusing: writing | making)
    return filter
  }

  /// The journal's task writes its file and the facts of each boot, and makes them durable.
  public static var journal: CallFilter {
    var filter = common
    filter.allowFiles(refusing: 0)
    filter.allow([
      "pwrite64", "fsync", "fdatasync", "fallocate", "ftruncate", "flock", "rename", "renameat",
      "renameat2", "unlink", "unlinkat",
      // Whether the clock is right; setting it needs a capability.
      "adjtimex", "clock_adjtime",
    ])
    return filter
  }

  /// The uplink reads files, and talks over the network with those that it calls itself.
  public static var uplink: CallFilter {
    var filter = common
    filter.allowFiles(refusing: writing | making)
    let stream: UInt64 = 1
    let datagram: UInt64 = 2
    for family in [2, 10] as [UInt64] {  // AF_INET, AF_INET6
      for kind in [stream, datagram] {
        filter.allow(
          "socket",
          if: [
            Condition(argument: 0, value: family), Condition(argument: 1, mask: 0xF, value: kind),
          ])
      }
    }
    // AF_NETLINK: the resolver asks which addresses the machine has.
    filter.allow(
      "socket", if: [Condition(argument: 0, value: 16), Condition(argument: 2, value: 0)])
    // AF_UNIX: it also asks for a name service that no gateway has (EAFNOSUPPORT).
    filter.rules.append(
      Rule(name: "socket", conditions: [Condition(argument: 0, value: 1)], quietError: 97))
    // What libmosquitto wakes itself with.
    filter.allow("socketpair", if: [Condition(argument: 0, value: 1)])
    filter.allow([
      "connect", "bind", "getsockname", "getpeername", "sendmsg", "sendmmsg", "recvfrom", "recvmsg",
      "setsockopt", "getsockopt", "shutdown", "select", "pselect6",
      // Whether the clock is right; setting it needs a capability.
      "adjtimex", "clock_adjtime",
    ])
    for request in [0x541B, 0x5421] as [UInt64] {  // FIONREAD, FIONBIO
      filter.allowDeviceCalls(request, mask: 0xFFFF_FFFF)
    }
    return filter
  }

  /// What an intruder would try, and what a library may try for good reasons: refused, and told.
  static var refusedNames: [StaticString] {
    [
      "execve", "execveat", "ptrace", "process_vm_readv",
      "process_vm_writev", "kill", "tkill", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
      "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
      "open", "openat", "openat2", "creat", "truncate", "ftruncate", "fallocate", "unlink",
      "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "mknod",
      "mknodat", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "chown",
      "fchown", "fchownat", "lchown", "setxattr", "ioctl", "mmap", "mprotect", "prctl", "prlimit64",
      "setrlimit", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid",
      "setgroups", "capset", "unshare", "setns", "chroot", "pivot_root", "mount", "umount2",
      "move_mount", "fsopen", "open_tree", "swapon", "swapoff", "reboot", "kexec_load",
      "kexec_file_load", "init_module", "finit_module", "delete_module", "sethostname",
      "clock_settime", "settimeofday", "adjtimex", "clock_adjtime", "bpf", "perf_event_open",
      "userfaultfd", "io_uring_setup", "keyctl", "add_key", "request_key", "memfd_create",
      "personality", "iopl", "ioperm", "acct", "quotactl", "syslog", "seccomp",
      "sched_setscheduler", "sched_setaffinity", "setpriority", "access", "faccessat", "readlink",
      "getdents64",
    ]
  }
}
