/// The words that every regulation shares; the API and the database know them by these codes.
public enum Vocabulary {
    public static let states = [
        "registered", "assigned", "awaiting_information", "solved_awaiting_confirmation", "closed",
    ]
    /// Most urgent first.
    public static let priorities = ["critical", "high", "normal", "low"]
    public static let eventActions = [
        "register", "assign", "set_priority", "edit", "comment", "comment_internal", "attach", "link", "unlink",
        "request_information", "solve", "plan_solution", "confirm", "dispute", "withdraw", "merge", "auto_close",
        "recalculate_deadline",
    ]
}
