public import JSONText

/// Why something asked for is not done. Nothing has changed then.
public enum Refusal: Error, Sendable, Equatable {
    /// The state does not allow it; what it does allow this caller is said along.
    case transitionNotAllowed(state: State, actions: [Action])
    /// Only those whom the contract names may confirm.
    case notAuthorisedToConfirm
    /// What was sent is wrong, with every fault.
    case invalid([JSONFault])
    /// The organization has no contract in force for the product.
    case noContractInForce
}
