// Invariants checked, in every interleaving of source, pipeline and sink over rings of two
// elements, with deaths before every step (see CommitModel.swift):
// - the pipeline takes every element once and in order, also over its own and the source's death;
// - the sink receives every element once and in order, with the pipeline's count of it;
// - nobody ever waits for ever;
// - each of the changes in `Mutant` breaks one of these, so the model would see it.

import Testing

@Suite(.disabled(if: isThreadSanitized)) struct CommitModelTests {
  @Test(arguments: [(1, 1, 1), (0, 3, 0), (0, 0, 3), (0, 2, 1)])
  func everyInterleavingDeliversOnce(
    sourceDeaths: UInt8, pipelineDeaths: UInt8, sinkDeaths: UInt8
  ) throws {
    let model = Model(elementCount: 4)
    let count = try explore(
      model,
      from: model.start(
        sourceDeaths: sourceDeaths, pipelineDeaths: pipelineDeaths, sinkDeaths: sinkDeaths))
    print("\(count) worlds")
    #expect(count > 1000)
  }

  @Test(arguments: Mutant.allCases.filter { $0 != .none })
  func everyMutantIsCaught(mutant: Mutant) {
    let model = Model(elementCount: 4, mutant: mutant)
    let violation = #expect(throws: Violation.self) {
      _ = try explore(
        model, from: model.start(sourceDeaths: 0, pipelineDeaths: 1, sinkDeaths: 0))
    }
    print("\(mutant): \(violation?.text ?? "not caught")")
  }
}
