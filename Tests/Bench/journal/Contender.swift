/// Who takes part.
enum Contender: Int {
  case weir
  /// With records coded as differences.
  case weirDelta
  /// Encrypted at rest, records as they are.
  case weirSealed
  case sqlite
  case lmdb
  case limit

  static var all: [Contender] { [.weir, .weirDelta, .weirSealed, .sqlite, .lmdb, .limit] }

  var title: String {
    switch self {
    case .weir: "weir"
    case .weirDelta: "weir, delta coding"
    case .weirSealed: "weir, sealed"
    case .sqlite: "SQLite, WAL, FULL"
    case .lmdb: "LMDB"
    case .limit: "O_DSYNC, the limit"
    }
  }
}

/// Why the benchmark could not go on.
enum BenchFailure: Error {
  case failed(String)
}
