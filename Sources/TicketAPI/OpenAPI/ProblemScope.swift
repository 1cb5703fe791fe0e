import Tickets

/// Which calls can meet a problem. A call's own list adds to what follows from its route.
extension ProblemType {
    enum Scope: Sendable {
        /// Any request at all: the server's parser, its limits, or its state.
        case everyRequest
        case withToken
        /// The path names something.
        case withPlaceholder
        /// Not every role may do it.
        case withRoles
        case withBody
        case withIdempotencyKey
        /// Under `/v1`: parameters and members are checked.
        case withInput
        case changeOfTicket
        /// Only where the call says so.
        case particular
    }

    /// Exhaustive: a new problem does not compile until it is known where it can be met.
    var scope: Scope {
        switch self {
        case .malformedRequest, .methodNotAllowed, .requestTimeout, .contentTooLarge, .targetTooLong,
            .expectationFailed, .headerTooLarge, .internalError, .notImplemented, .unavailable, .overloaded,
            .versionNotSupported:
            .everyRequest
        case .unauthorized, .notAcceptable, .tooManyRequests: .withToken
        case .notFound: .withPlaceholder
        case .forbidden: .withRoles
        case .invalidJSON, .unsupportedMediaType: .withBody
        case .invalidIdempotencyKey, .idempotencyKeyInProgress, .idempotencyKeyReused: .withIdempotencyKey
        case .invalidInput: .withInput
        case .transitionNotAllowed, .staleVersion: .changeOfTicket
        case .notAuthorisedToConfirm, .alreadyExists, .contractOverlap, .alreadyPublished, .planChanged,
            .noContractInForce, .preconditionRequired, .quotaExceeded, .rangeNotSatisfiable, .tooManyStreams:
            .particular
        }
    }
}

extension Call {
    /// Everything that can go wrong with the call, in the order of `ProblemType`.
    var problems: [ProblemType] {
        let operation = operation
        let route = Route(self)
        return ProblemType.allCases.filter { type in
            if operation.problems.contains(type) { return true }
            return switch type.scope {
            case .everyRequest: true
            case .withToken: route.roles != nil
            case .withPlaceholder: route.path.contains("{")
            case .withRoles: Operation.refusesRoles(self, route)
            case .withBody: operation.body.map { $0.component != .file } ?? false
            case .withIdempotencyKey: route.takesIdempotencyKey
            case .withInput: route.roles != nil
            case .changeOfTicket: operation.changesTicket
            case .particular: false
            }
        }
    }

    /// All parameters: the call's own and those that follow from its route.
    var parameters: [Parameter] {
        let operation = operation
        let route = Route(self)
        var parameters = operation.parameters
        parameters += [.acceptLanguage, .acceptEncoding, .requestID, .traceparent]
        if route.takesIdempotencyKey { parameters.append(.idempotencyKey) }
        if operation.changesTicket { parameters.append(.ifMatch) }
        if operation.answers.contains(where: { $0.status == 304 }) { parameters.append(.ifNoneMatch) }
        return parameters
    }
}

extension Route {
    var takesIdempotencyKey: Bool { method == "POST" && roles != nil }
}

extension Operation {
    /// Somebody else's tokens are refused whatever the role.
    fileprivate static func refusesRoles(_ call: Call, _ route: Route) -> Bool {
        guard let roles = route.roles else { return false }
        return roles.count < Role.allCases.count || [.listTokens, .createToken, .revokeToken].contains(call)
    }
}
