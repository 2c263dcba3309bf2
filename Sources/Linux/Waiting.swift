import CLinux

/// A timer descriptor on CLOCK_BOOTTIME (timerfd_create(2)): readable when the deadline has passed.
public struct Timer: ~Copyable {
  public let descriptor: FileDescriptor

  public init() throws(SystemError) {
    let number = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
    guard number >= 0 else { throw .last("timerfd_create") }
    descriptor = FileDescriptor(owning: number)
  }

  /// Fires once at `deadline`, in ns of CLOCK_BOOTTIME; a deadline in the past fires at once.
  public func set(deadline: Int64) throws(SystemError) {
    var setting = itimerspec()
    let clamped = max(deadline, 1)  // zero would disarm it
    setting.it_value.tv_sec = Int(clamped / 1_000_000_000)
    setting.it_value.tv_nsec = Int(clamped % 1_000_000_000)
    // Safe: the structure outlives the call.
    let result = unsafe timerfd_settime(
      descriptor.number, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    guard result == 0 else { throw .last("timerfd_settime") }
  }

  /// Takes the expirations, so that the descriptor is no longer readable.
  public func acknowledge() {
    drain(descriptor.number)
  }
}

/// A counter descriptor that one process writes and another polls (eventfd(2)).
public struct EventCounter: ~Copyable {
  public let descriptor: FileDescriptor

  public init() throws(SystemError) {
    let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard number >= 0 else { throw .last("eventfd") }
    descriptor = FileDescriptor(owning: number)
  }

  /// Gives the descriptor up without closing it.
  public consuming func release() -> Int32 { descriptor.release() }

  public func signal() { Self.signal(descriptor.number) }

  /// The same for a process that only knows the number, inherited from the one that owns it.
  public static func signal(_ number: Int32) {
    var one: UInt64 = 1
    // Safe: eight bytes, as eventfd wants. EAGAIN means the counter is full, so the reader is
    // awake.
    _ = unsafe write(number, &one, 8)
  }

  public func acknowledge() {
    drain(descriptor.number)
  }

  /// As `acknowledge`, for a counter whose owner lives elsewhere: in the parent, before the fork.
  public static func acknowledge(_ number: Int32) {
    drain(number)
  }
}

private func drain(_ number: Int32) {
  var value: UInt64 = 0
  // Safe: eight bytes, as timerfd and eventfd give. EAGAIN means that there is nothing to take.
  _ = unsafe read(number, &value, 8)
}

/// What a poll waits for on one descriptor, and what it found (poll(2)).
public struct PollItem: Sendable {
  public var descriptor: Int32
  public var wantsInput: Bool
  public var wantsOutput: Bool
  public var hasInput = false
  public var hasOutput = false
  public var hasFailed = false

  public init(_ descriptor: Int32, input: Bool = true, output: Bool = false) {
    self.descriptor = descriptor
    wantsInput = input
    wantsOutput = output
  }
}

/// The most descriptors that one poll waits for.
public let pollItemCountMax = 16

/// Waits until one of the items is ready or `timeoutMilliseconds` have passed (negative: for ever).
/// Returns how many are ready; a signal ends the wait with 0. Allocates nothing.
public func poll(_ items: inout [PollItem], timeoutMilliseconds: Int32) throws(SystemError) -> Int {
  precondition(items.count <= pollItemCountMax)
  var raw = InlineArray<16, pollfd>(repeating: pollfd(fd: -1, events: 0, revents: 0))
  for index in items.indices {
    let events =
      (items[index].wantsInput ? POLLIN : 0) | (items[index].wantsOutput ? POLLOUT : 0)
    raw[index] = pollfd(fd: items[index].descriptor, events: Int16(events), revents: 0)
  }
  let count = nfds_t(items.count)
  var span = raw.mutableSpan
  // Safe: the kernel writes only the `count` entries, which lie inside the array.
  let ready = unsafe span.withUnsafeMutableBufferPointer {
    unsafe CLinux.poll($0.baseAddress, count, timeoutMilliseconds)
  }
  guard ready >= 0 else {
    if weir_errno() == EINTR { return 0 }
    throw .last("poll")
  }
  for index in items.indices {
    let found = Int32(raw[index].revents)
    items[index].hasInput = found & POLLIN != 0
    items[index].hasOutput = found & POLLOUT != 0
    items[index].hasFailed = found & (POLLERR | POLLHUP | POLLNVAL) != 0
  }
  return Int(ready)
}
