import Ring

/// One line of the task table: everything that the supervisor knows of a task before it runs.
public struct TaskDeclaration {
  /// The role, such as `sense`.
  public var name: StaticString
  /// Which one of its role, such as `i2c-1`; empty where there is one.
  public var detail: String
  public var policy: RestartPolicy
  /// Tasks are stopped in the order of their phases: producers before consumers.
  public var stopPhase: UInt8
  /// Where the task shows its life; other programs have none.
  public var slot: TaskSlot?
  public var body: TaskBody

  public init(
    name: StaticString, detail: String = "", policy: RestartPolicy = .task, stopPhase: UInt8 = 0,
    slot: TaskSlot? = nil, body: TaskBody
  ) {
    self.name = name
    self.detail = detail
    self.policy = policy
    self.stopPhase = stopPhase
    self.slot = slot
    self.body = body
  }

  /// `sense@i2c-1`.
  public var title: String {
    detail.isEmpty ? name.description : name.description + "@" + detail
  }
}

/// What runs in the child.
public enum TaskBody {
  /// A task of this program; called in the child with its generation, which starts at 1.
  case task((UInt32) -> Never)
  /// Another program: its path, and its arguments including the name.
  case program(path: String, arguments: [String])
}
