import Linux
import Uplink

/// The uplink task, in its own process: never returns.
///
/// SIGTERM and SIGINT end the session cleanly, within two seconds; SIGKILL at any instruction costs
/// nothing but sending again what the broker had not yet acknowledged.
func runUplink(_ context: UplinkContext) -> Never {
  do {
    let signals = try SignalReader([Linux.Signal.terminate, Linux.Signal.interrupt])
    var context = context
    context.stopDescriptor = signals.descriptor.number
    serveUplink(context, seed: randomSeed())
    exitProcess(0)
  } catch {
    Log.error("can't start: \(error.call.description): \(error.text)")
    exitProcess(70)
  }
}
