// Everything about states is in this file and `Lifecycle+Decide.swift`. Pure: no clock, no database, no random choice.

/// Where a ticket can go from where it is.
public enum Lifecycle {
    /// The whole lifecycle. A pair that is absent is refused.
    ///
    /// `comment` out of `awaitingInformation` is the customer's answer; an employee's comment leaves the state alone.
    /// `planSolution` is a solution that waits for its release, `solve` out of it happens when that is published.
    public static let table: [State: [Action: State]] = [
        .registered: [
            .assign: .assigned, .comment: .registered, .commentInternal: .registered, .setPriority: .registered,
            .edit: .registered, .attach: .registered, .withdraw: .closed, .merge: .closed,
        ],
        .assigned: [
            .assign: .assigned, .comment: .assigned, .commentInternal: .assigned, .setPriority: .assigned,
            .edit: .assigned, .attach: .assigned, .requestInformation: .awaitingInformation, .solve: .solved,
            .planSolution: .assigned, .withdraw: .closed, .merge: .closed,
        ],
        .awaitingInformation: [
            .assign: .awaitingInformation, .comment: .assigned, .commentInternal: .awaitingInformation,
            .setPriority: .awaitingInformation, .edit: .awaitingInformation, .attach: .awaitingInformation,
            .solve: .solved, .planSolution: .assigned, .withdraw: .closed, .merge: .closed,
        ],
        .solved: [
            .comment: .solved, .commentInternal: .solved, .setPriority: .solved, .edit: .solved, .attach: .solved,
            .confirm: .closed, .dispute: .assigned, .withdraw: .closed, .merge: .closed, .autoClose: .closed,
            .recalculateDeadline: .solved,
        ],
        .closed: [:],
    ]

    /// What is done to a ticket because of the whole that it is a part of, or of the release that it waits for.
    public static let followingTable: [State: [Action: State]] = [
        .registered: [.solve: .solved, .planSolution: .registered],
        .assigned: [.solve: .solved, .planSolution: .assigned],
        .awaitingInformation: [.solve: .solved, .planSolution: .awaitingInformation],
        .solved: [:],
        .closed: [:],
    ]

    /// Who may take each step; links stand outside the table, since they say nothing about the state.
    public static let actors: [Action: Set<Role>] = [
        .register: [.customer, .engineer, .lead, .admin],
        .assign: Role.employees, .setPriority: Role.employees, .edit: Role.employees,
        .comment: [.customer, .engineer, .lead, .admin], .commentInternal: Role.employees,
        .attach: [.customer, .engineer, .lead, .admin],
        .link: Role.employees, .unlink: Role.employees,
        .requestInformation: Role.employees, .solve: Role.employees, .planSolution: Role.employees,
        .merge: Role.employees,
        .confirm: [.customer], .dispute: [.customer], .withdraw: [.customer],
        .autoClose: [.service], .recalculateDeadline: [.service],
    ]

    /// What the contract calls `actions`, in its order.
    static let offered: [Action] = [
        .comment, .attach, .assign, .setPriority, .requestInformation, .solve, .confirm, .dispute, .withdraw, .link,
        .merge,
    ]

    /// Every step that the state has a place for, whoever may take it; the job's too, once a closing date is set.
    public static func next(on ticket: Ticket) -> [Action] {
        let offered = offered.filter { $0 == .link || table[ticket.state]?[$0] != nil }
        let closes = ticket.autoClose != nil && table[ticket.state]?[.autoClose] != nil
        return closes ? offered + [.autoClose] : offered
    }

    /// What this caller may do now.
    public static func actions(on record: TicketRecord, for role: Role) -> [Action] {
        let actions = offeredBy[record.ticket.state.index][role.index]
        return record.mayConfirm ? actions : actions.filter { $0 != .confirm }
    }

    /// What each state has for each role, both by their index, out of the tables once: every ticket that is shown asks for it.
    private static let offeredBy: [[[Action]]] = State.allCases.map { state in
        Role.allCases.map { role in
            offered.filter { action in
                actors[action]?.contains(role) == true && (action == .link || table[state]?[action] != nil)
            }
        }
    }
}
