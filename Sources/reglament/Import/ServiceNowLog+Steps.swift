import Tickets

/// One step that a row of a log stands for.
enum ImportStep: Equatable {
    /// The ticket begins, at the row's time.
    case register
    /// The ticket begins, at the time at which the incident was opened; the row itself follows.
    case registerWhenOpened
    case assign, requestInformation, answer, solve, dispute, confirm
    /// Nothing moved: an internal comment.
    case note

    /// How the lifecycle and history call it.
    var action: Action {
        switch self {
        case .register, .registerWhenOpened: .register
        case .assign: .assign
        case .requestInformation: .requestInformation
        case .answer: .comment
        case .solve: .solve
        case .dispute: .dispute
        case .confirm: .confirm
        case .note: .commentInternal
        }
    }
}

extension ServiceNowLog.Row {
    /// What has to happen for the ticket to be where the row says; `state` nil: there is no ticket yet. Empty: nothing
    /// can, since a closed ticket takes no comment.
    func steps(from state: State?) -> [ImportStep] {
        guard let state else {
            if self.state == "New" { return [.register] }
            return [.registerWhenOpened] + steps(from: .registered)
        }
        if state == .closed { return [] }
        // Resolved, and then anything but Resolved or Closed: the customer did not agree.
        if state == .solved && self.state != "Resolved" && self.state != "Closed" {
            let next = steps(from: .assigned)
            return [.dispute] + (next == [.note] ? [] : next)
        }
        switch self.state {
        case "Active":
            switch state {
            case .registered: return [.assign]
            case .awaitingInformation: return [.answer]
            case .assigned, .solved, .closed: return [.note]
            }
        case "Awaiting User Info":
            if state == .awaitingInformation { return [.note] }
            return (state == .registered ? [.assign] : []) + [.requestInformation]
        case "Resolved":
            if state == .solved { return [.note] }
            return (state == .registered ? [.assign] : []) + [.solve]
        case "Closed":
            if state == .solved { return [.confirm] }
            return (state == .registered ? [.assign] : []) + [.solve, .confirm]
        default: return [.note]
        }
    }
}
