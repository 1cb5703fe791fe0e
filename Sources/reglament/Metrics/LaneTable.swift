import Postgres
import TicketStore

/// The lanes of all loops, the same ones added up.
struct LaneTable {
    struct Row {
        let role: String
        let kind: String
        var figures: LaneFigures
    }

    static let failures = LaneFigures.Failure.allCases

    private(set) var rows: [Row] = []
    /// Loops that hear of changes.
    private(set) var listening = 0

    mutating func add(_ states: [PostgresStore.LaneState], isListening: Bool) {
        if isListening { listening += 1 }
        for state in states {
            if let index = rows.firstIndex(where: { $0.role == state.role && $0.kind == state.kind }) {
                rows[index].figures.add(state.figures)
            } else {
                rows.append(Row(role: state.role, kind: state.kind, figures: state.figures))
            }
        }
    }
}
