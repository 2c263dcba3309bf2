import Beats
import CLinux
import Linux
import Ring
import Supervision

/// Weir's supervisor as it is in the product, with tasks that beat in its arena and in the file.
/// Does not return.
func superviseWeir() -> Never {
  do throws(SystemError) {
    var plan = ArenaPlan()
    var regions: [(task: ArenaRegion, supervisor: ArenaRegion, crash: ArenaRegion)] = []
    for _ in 0..<Int(bench_task_count) {
      regions.append(
        (
          plan.reserve(byteCount: TaskSlot.taskByteCount),
          plan.reserve(byteCount: TaskSlot.supervisorByteCount),
          plan.reserve(byteCount: CrashSlot.byteCount)
        ))
    }
    // As much as a gateway's rings take: a fork has to do with it.
    _ = plan.reserve(byteCount: 4 << 20)
    let mapping = try SharedMapping(byteCount: plan.byteCount)
    // Safe: the arena lies in the mapping, which outlives the loop below.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    var declarations: [TaskDeclaration] = []
    for index in 0..<Int(bench_task_count) {
      let slot = TaskSlot.format(
        task: arena[regions[index].task], supervisor: arena[regions[index].supervisor])
      var policy = RestartPolicy.task
      // More deaths than a gateway would bear are what is measured.
      policy.countMax = 0
      var task = TaskDeclaration(
        name: "beat", detail: "\(index)", policy: policy, slot: slot,
        body: .task { _ in runTask(slot, place: Contender.weir.place(index)) })
      task.crash = CrashSlot.format(arena[regions[index].crash])
      declarations.append(task)
    }
    var supervisor = try Supervisor(declarations, isInit: false)
    _ = supervisor.run(SupervisorHooks(report: { _ in }))
    exitProcess(0)
  } catch {
    writeStandardError("bench-restart: weir: \(error.text)\n")
    exitProcess(1)
  }
}

private func runTask(_ slot: TaskSlot, place: Int32) -> Never {
  slot.beat(step: 1, now: Clock.boot(), within: bench_deadline_ns())
  bench_begin(place)
  while true {
    // The sign of life and the beat that is measured are the same, as in the other contenders: a
    // task that is asked to hang gives neither.
    switch bench_beat(place) {
    case 0:
      slot.beat(step: 1, now: Clock.boot(), within: bench_deadline_ns())
      bench_pause()
    case 1: bench_spin()
    default: exitProcess(0)
    }
  }
}
