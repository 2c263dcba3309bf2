/// The version of the product: the one place that says it.
let weirVersion = "0.1.0"

/// For which machine this binary was made.
var weirArchitecture: String {
  #if arch(arm64)
    "aarch64"
  #elseif arch(x86_64)
    "x86_64"
  #else
    "unknown"
  #endif
}

/// Exit statuses, as sysexits.h has them where it has one.
enum ExitStatus {
  static let success: Int32 = 0
  static let failure: Int32 = 1
  /// The configuration has errors.
  static let configuration: Int32 = 2
  /// The command was used wrongly (EX_USAGE).
  static let usage: Int32 = 64
  /// A task without which there is no going on could not be brought back (EX_SOFTWARE).
  static let software: Int32 = 70
  /// The system refused something that every run needs (EX_OSERR).
  static let system: Int32 = 71
}
