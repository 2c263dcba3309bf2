import Testing

@testable import Ring
