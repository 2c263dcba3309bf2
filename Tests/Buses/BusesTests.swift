import Testing

@testable import Buses
