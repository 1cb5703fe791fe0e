import Testing
import Tickets

/// Expects a refusal of the store of a certain kind.
func expectFailure(
    _ body: () async throws -> Void, _ isExpected: (StoreError) -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    do {
        try await body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch let error as StoreError {
        #expect(isExpected(error), "\(error)", sourceLocation: sourceLocation)
    }
}
