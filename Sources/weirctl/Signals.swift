import Foundation
import Synchronization

/// The signals of a program that holds a terminal. Handlers only set flags; a wait in progress ends
/// with EINTR, and the main loop looks at the flags.
enum Signals {
  private static let endingSignal = Atomic<Int32>(0)
  private static let wantsRedraw = Atomic<Bool>(false)
  private static let wantsSuspend = Atomic<Bool>(false)

  static func install() {
    // Lazy globals must exist before a handler uses them.
    endingSignal.store(0, ordering: .relaxed)
    wantsRedraw.store(false, ordering: .relaxed)
    wantsSuspend.store(false, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      set(number) { Signals.endingSignal.store($0, ordering: .relaxed) }
    }
    set(SIGWINCH) { _ in Signals.wantsRedraw.store(true, ordering: .relaxed) }
    set(SIGTSTP) { _ in
      Signals.wantsSuspend.store(true, ordering: .relaxed)
      Signals.wantsRedraw.store(true, ordering: .relaxed)
    }
    // A reader that went away is an error of write, and no reason to die with the cursor hidden.
    signal(SIGPIPE, SIG_IGN)
    // A limit of the size of files is an error of write, too, and says what to do.
    signal(SIGXFSZ, SIG_IGN)
  }

  /// The signal that asked for the end.
  static var ending: Int32? {
    let number = endingSignal.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  static func takeRedraw() -> Bool { wantsRedraw.exchange(false, ordering: .relaxed) }
  static func takeSuspend() -> Bool { wantsSuspend.exchange(false, ordering: .relaxed) }

  /// Ends the process so that its parent sees which signal it was.
  static func die(of number: Int32) -> Never {
    signal(number, SIG_DFL)
    _ = raise(number)
    exit(128 + number)
  }

  private static func set(_ number: Int32, _ handler: @convention(c) @escaping (Int32) -> Void) {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = handler
    // No SA_RESTART: a wait must end. Safe: the structure outlives the call.
    let result = unsafe sigaction(number, &action, nil)
    precondition(result == 0)
  }
}
