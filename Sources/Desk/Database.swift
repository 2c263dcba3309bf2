import CSQLite

/// A connection to an SQLite database, of one thread.
@safe final class Database {
  private let handle: OpaquePointer
  private let path: String

  /// How long to wait for other receivers, in milliseconds. They write for some milliseconds at a
  /// time; who waits longer waits for somebody who holds the database open in a transaction.
  private static let busyMilliseconds: Int32 = 30_000

  init(_ path: String) throws(StoreFailure) {
    var handle: OpaquePointer?
    // Safe: SQLite copies the path; the variable outlives the call.
    let result = unsafe sqlite3_open_v2(
      path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, nil)
    guard let open = unsafe handle else { throw StoreFailure("\(path): no memory") }
    unsafe self.handle = unsafe open
    self.path = path
    guard result == SQLITE_OK else { throw failure("cannot be opened") }
    unsafe sqlite3_busy_timeout(open, Self.busyMilliseconds)
  }

  // Safe, in all that follows: the connection lives as long as this object, and statements are
  // finalized before it.

  deinit { unsafe sqlite3_close_v2(handle) }

  /// How many rows the last statement inserted, changed or deleted.
  var changeCount: Int32 { unsafe sqlite3_changes(handle) }

  /// Runs statements without results.
  func run(_ text: String) throws(StoreFailure) {
    guard unsafe sqlite3_exec(handle, text, nil, nil, nil) == SQLITE_OK else {
      throw failure("SQLite refuses '\(text.prefix(60))'")
    }
  }

  func prepare(_ text: String) throws(StoreFailure) -> Statement {
    var statement: OpaquePointer?
    guard unsafe sqlite3_prepare_v2(handle, text, -1, &statement, nil) == SQLITE_OK,
      let statement = unsafe statement
    else { throw failure("SQLite refuses '\(text.prefix(60))'") }
    return unsafe Statement(statement, self)
  }

  /// All of `body` or nothing. The write lock is taken at the begin, so that what is read inside is
  /// what will be changed.
  func transaction<T>(_ body: () throws(StoreFailure) -> T) throws(StoreFailure) -> T {
    try run("BEGIN IMMEDIATE")
    do throws(StoreFailure) {
      let result = try body()
      try run("COMMIT")
      return result
    } catch {
      // A full disk may have rolled it back already; then this fails, and nothing is lost by it.
      _ = unsafe sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
      throw error
    }
  }

  /// The last error, with its place and remedy.
  func failure(_ what: String) -> StoreFailure {
    let code = unsafe sqlite3_extended_errcode(handle)
    let reason = unsafe String(cString: sqlite3_errmsg(handle))
    let remedy =
      switch code & 0xFF {
      case SQLITE_FULL: ": the disk is full; make room and start again, nothing is lost meanwhile"
      case SQLITE_BUSY: ": another program holds the database; end it and start again"
      case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM:
        ": give this user the right to write the file and its folder"
      case SQLITE_NOTADB, SQLITE_CORRUPT: ": name another file"
      case SQLITE_IOERR: ": look at the disk and at the kernel's log"
      default: ""
      }
    return StoreFailure("\(path): \(what): \(reason)\(remedy)")
  }
}

/// A prepared statement; parameters and columns count from 0.
@safe final class Statement {
  private let handle: OpaquePointer
  private let database: Database

  init(_ handle: OpaquePointer, _ database: Database) {
    unsafe self.handle = unsafe handle
    self.database = database
  }

  // Safe, in all that follows: the statement lives as long as this object, which keeps its
  // connection alive.

  deinit { unsafe sqlite3_finalize(handle) }

  /// Runs it with new parameters, and gives each row to `row`.
  func run(
    _ values: [Value], _ row: (Statement) throws(StoreFailure) -> Void = { _ in }
  ) throws(StoreFailure) {
    unsafe sqlite3_reset(handle)
    defer { unsafe sqlite3_reset(handle) }
    for (index, value) in values.enumerated() { bind(value, Int32(index) + 1) }
    while true {
      switch unsafe sqlite3_step(handle) {
      case SQLITE_ROW: try row(self)
      case SQLITE_DONE: return
      default: throw database.failure("cannot be written or read")
      }
    }
  }

  enum Value {
    case null
    case integer(UInt64)
    case real(Double)
    case text(String)

    static func optional(_ value: UInt64?) -> Value { value.map { .integer($0) } ?? .null }
    static func optional(_ value: Double?) -> Value { value.map { .real($0) } ?? .null }
    static func optional(_ value: String?) -> Value { value.map { .text($0) } ?? .null }
  }

  private func bind(_ value: Value, _ index: Int32) {
    // SQLITE_TRANSIENT, a macro: SQLite copies the text.
    let copies = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    switch value {
    case .null: unsafe sqlite3_bind_null(handle, index)
    case .integer(let number):
      unsafe sqlite3_bind_int64(handle, index, Int64(bitPattern: number))
    case .real(let number): unsafe sqlite3_bind_double(handle, index, number)
    case .text(let text):
      // Of as many bytes as the text has, which may contain a zero. It always has an address: the
      // zero behind it.
      let count = Int32(clamping: text.utf8.count)
      _ = unsafe text.withCString { unsafe sqlite3_bind_text(handle, index, $0, count, copies) }
    }
  }

  func integer(_ column: Int32) -> UInt64 {
    UInt64(bitPattern: unsafe sqlite3_column_int64(handle, column))
  }
  func real(_ column: Int32) -> Double { unsafe sqlite3_column_double(handle, column) }
  func text(_ column: Int32) -> String {
    guard let text = unsafe sqlite3_column_text(handle, column) else { return "" }
    return unsafe String(cString: text)
  }
  func isNull(_ column: Int32) -> Bool {
    unsafe sqlite3_column_type(handle, column) == SQLITE_NULL
  }
}
