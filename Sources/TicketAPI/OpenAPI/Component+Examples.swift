import JSONText

extension Component {
    /// One value as it could be; nil: the schema says enough. A test holds each against its schema.
    var example: JSONNode? { exampleText.flatMap { try? JSONReader.read(Array($0.utf8)) } }

    private var exampleText: String? {
        switch self {
        case .ticket: Component.ticketExample
        case .registration: Component.registrationExample
        case .ticketPatch: #"{"priority": "high", "tags": ["vip"]}"#
        case .batchRequest:
            #"{"tickets": ["OMNIVOX-1042", "OMNIVOX-1043"], "action": "merge", "body": {"into": "OMNIVOX-9"}}"#
        case .attachment: Component.attachmentExample
        case .assignment: #"{"assignees": ["u_3vK9QmT4xYb7LdP2sWc8Zf"], "priority": "high"}"#
        case .question: #"{"comment": "Which build of the operator window is it?"}"#
        case .solving: #"{"comment": "Fixed in the next build.", "type": "mass_update", "release": "4.2.2"}"#
        case .remark: #"{"comment": "Thank you."}"#
        case .dispute: #"{"reason": "It froze again this morning."}"#
        case .merge: #"{"into": "OMNIVOX-1041"}"#
        case .commentRequest: #"{"body": "It happens on every call."}"#
        case .linkRequest: #"{"type": "follows", "ticket": "OMNIVOX-1041"}"#
        case .comment: Component.commentExample
        case .event: Component.eventExample
        case .explanation: Component.explanationExample
        case .queueSummary: Component.queueExample
        case .organization, .organizationRequest: #"{"code": "acme", "name": "Acme"}"#
        case .organizationPatch: #"{"name": "Acme Trade"}"#
        case .user: Component.userExample
        case .userRequest:
            #"{"email": "vera@example.com", "name": "Vera Lugovaya", "role": "customer", "organization": "acme"}"#
        case .userPatch: #"{"name": "Vera Lugovaya", "active": true}"#
        case .tokenRequest: #"{"name": "Script of the night shift", "expires_at": null}"#
        case .contract: Component.contractExample
        case .contractRequest:
            #"{"organization": "acme", "product": "omnivox", "plan": "extended", "valid_from": "2026-01-01"}"#
        case .contractPatch: #"{"valid_to": "2027-12-31"}"#
        case .releaseRequest: #"{"product": "omnivox", "version": "4.2.2", "notes": "The window no longer freezes."}"#
        case .nothing: "{}"
        case .runRequest: #"{"dry_run": true}"#
        case .run: Component.runExample
        case .status: #"{"status": "ok"}"#
        case .problem: Component.problemExample
        default: nil
        }
    }

    private static let ticketExample = """
        {"id": "OMNIVOX-1042", "product": "omnivox", "policy": {"code": "omnivox", "version": 1},
         "organization": "acme", "kind": "incident", "subject": "Operator window freezes",
         "description": "After the update the window freezes when a call arrives.",
         "details": {"os_version": "Windows 11", "product_version": "4.2.1", "browser_version": "Edge 130"},
         "blocking": false, "priority": "normal", "state": "registered", "state_name": "Registered",
         "close_reason": null, "channel": "api", "reporter": {"id": "u_7hG2kLmN5pQ8rS1tV4wX6y", "name": "Vera Lugovaya"},
         "registered_by": {"id": "u_7hG2kLmN5pQ8rS1tV4wX6y", "name": "Vera Lugovaya"}, "assignees": [],
         "solution": null, "links": [{"type": "follows", "ticket": "OMNIVOX-1041"}], "tags": [],
         "registered_at": "2026-11-20T09:30:00.000Z", "assigned_at": null, "first_response_at": null,
         "solved_at": null, "closed_at": null, "first_response_due_at": null, "solution_due_at": null,
         "auto_close_at": null, "dispute_count": 0, "version": 1, "updated_at": "2026-11-20T09:30:00.000Z",
         "actions": ["comment", "withdraw"]}
        """

    private static let registrationExample = """
        {"product": "omnivox", "kind": "incident", "subject": "Operator window freezes",
         "description": "After the update the window freezes when a call arrives.",
         "details": {"os_version": "Windows 11", "product_version": "4.2.1", "browser_version": "Edge 130"}}
        """

    private static let commentExample = """
        {"id": "c_5nB8cV1xZ4aS7dF2gH9jKl", "body": "It happens on every call.", "internal": false,
         "author": {"id": "u_7hG2kLmN5pQ8rS1tV4wX6y", "name": "Vera Lugovaya"}, "at": "2026-11-20T09:31:00.000Z"}
        """

    private static let attachmentExample = """
        {"id": "a_8kJ3hG5fD7sA9pO1iU2yTr", "filename": "screenshot.png", "media_type": "image/png", "size": 312044,
         "sha256": "\(zeros)"}
        """

    private static let eventExample = """
        {"seq": 2, "at": "2026-11-20T09:32:00.000Z",
         "actor": {"id": "u_3vK9QmT4xYb7LdP2sWc8Zf", "name": "Igor Stepnoy", "role": "engineer"},
         "action": "assign", "clause": "3.4(1)", "from": "registered", "to": "assigned",
         "changes": {"assignees": {"from": [], "to": ["u_3vK9QmT4xYb7LdP2sWc8Zf"]}}, "comment_id": null,
         "digests": [{"name": "assignees", "sha256": "\(zeros)", "salt": "6b1d0c55f2a94e17"}], "hash": "\(zeros)"}
        """

    private static let zeros = String(repeating: "0123456789abcdef", count: 4)

    private static let explanationExample = """
        {"state": "solved_awaiting_confirmation", "state_name": "Completed, the customer's confirmation is required",
         "since": "2026-11-20T10:00:00.000Z", "clause": "3.5",
         "next": [{"action": "confirm", "who": ["customer"], "allowed": true,
           "because": "You may do this while the ticket is in this state.", "clause": "3.5"}],
         "auto_close": {"at": "2026-12-10T21:00:00.000Z", "working_days": 14, "calendar": "ru",
           "calendar_version": "0c1d2e3f4a5b", "time_zone": "Europe/Moscow", "because": null,
           "days": [{"date": "2026-11-21", "counted": false, "number": null, "name": null, "provisional": false}]}}
        """

    private static let queueExample = """
        {"open": 12, "overdue": 1,
         "by_state": {"registered": 3, "assigned": 6, "awaiting_information": 1, "solved_awaiting_confirmation": 2},
         "by_priority": {"critical": 1, "high": 2, "normal": 8, "low": 1}, "by_product": {"omnivox": 12},
         "by_assignee": [{"assignee": {"id": "u_3vK9QmT4xYb7LdP2sWc8Zf", "name": "Igor Stepnoy"}, "count": 9},
           {"assignee": null, "count": 3}]}
        """

    private static let userExample = """
        {"id": "u_7hG2kLmN5pQ8rS1tV4wX6y", "email": "vera@example.com", "name": "Vera Lugovaya", "role": "customer",
         "organization": "acme", "active": true}
        """

    private static let contractExample = """
        {"id": "k_2qW5eR8tY1uI4oP7aS0dFg", "organization": "acme", "product": "omnivox", "plan": "extended",
         "valid_from": "2026-01-01", "valid_to": null, "auto_close_after_working_days": 5,
         "responsible_contacts": ["u_7hG2kLmN5pQ8rS1tV4wX6y"]}
        """

    private static let runExample = """
        {"run_id": "r_9zX6cV3bN0mA7sD4fG1hJk", "as_of": "2026-11-20T02:00:00.000Z", "dry_run": true, "due": 1,
         "closed": 0, "plan": "5d41402abc4b2a76", "tickets": ["OMNIVOX-1040"]}
        """

    private static let problemExample = """
        {"type": "/problems/invalid-input", "title": "Invalid input", "status": 422,
         "detail": "Something in the request is wrong; errors lists every fault.",
         "instance": "urn:uuid:0b6f1f0e-6f4e-4d0a-9d1e-0d4c6f1f2a3b",
         "errors": [{"pointer": "/details/os_version", "code": "missing", "detail": "This is required."}]}
        """
}
