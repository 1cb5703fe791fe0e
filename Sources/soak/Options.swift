/// What the command line says.
struct Options: Sendable, Equatable {
    struct Mistake: Error, Equatable { let text: String }

    var rounds = 200
    var seed: UInt64 = 1
    /// Of load in each round.
    var seconds = 6.0
    /// 0: one and three in turn.
    var instances = 0
    /// So many tickets for the job alone, instead of rounds.
    var job: Int?
    /// Empty: all in turn.
    var faults: [Fault] = []
    var binary = ".build/release/reglament"
    var fill = ".build/release/bench-fill"
    var home = "."
    /// For journals and logs.
    var folder = ""
    /// A small file system of our own that may be filled.
    var disk: String?
    /// Of an even load without faults instead of the rounds; 0: rounds.
    var steadyMinutes = 0
    /// Calls a second of that load.
    var rate = 150
    /// For a picture of it.
    var plot: String?

    static let usage = """
        soak --folder FOLDER [--disk FOLDER] [--rounds N] [--seed N] [--seconds N] [--instances N] [--faults NAME,…]
             [--binary FILE] [--home FOLDER]
        soak --folder FOLDER --job TICKETS [--seed N] [--binary FILE] [--fill FILE] [--home FOLDER]
        soak --folder FOLDER --steady MINUTES [--rate N] [--plot FILE] [--seed N] [--binary FILE] [--home FOLDER]

        Kills, stops and cuts off a service and its PostgreSQL under load, and checks that nothing is lost and nothing happened
        twice. Scripts/soak starts it. Faults: \(Fault.allCases.map(\.rawValue).joined(separator: ", ")).
        With --job the nightly job alone, on so many solved tickets.
        With --steady nothing is done to one service but an even load of so many calls a second, and its memory, its open files,
        its latency and PostgreSQL's dead rows must not grow.
        """

    init(_ words: [String]) throws(Mistake) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Mistake(text: "\(word) needs a value.") }
            switch word {
            case "--rounds": rounds = try Self.number(value, word, 1...1_000_000)
            case "--seed": seed = UInt64(try Self.number(value, word, 0...Int.max))
            case "--seconds": seconds = Double(try Self.number(value, word, 2...600))
            case "--instances": instances = try Self.number(value, word, 1...5)
            case "--faults":
                faults = []
                for name in value.split(separator: ",") {
                    guard let fault = Fault(rawValue: String(name)) else { throw Mistake(text: "There is no \(name).") }
                    faults.append(fault)
                }
            case "--job": job = try Self.number(value, word, 100...10_000_000)
            case "--steady": steadyMinutes = try Self.number(value, word, 1...100_000)
            case "--rate": rate = try Self.number(value, word, 1...10_000)
            case "--plot": plot = value
            case "--binary": binary = value
            case "--fill": fill = value
            case "--home": home = value
            case "--folder": folder = value
            case "--disk": disk = value
            default: throw Mistake(text: "What is \(word)?")
            }
        }
        guard !folder.isEmpty else { throw Mistake(text: "--folder is needed.") }
    }

    private static func number(_ text: String, _ name: String, _ range: ClosedRange<Int>) throws(Mistake) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw Mistake(text: "\(name) needs a number from \(range.lowerBound) to \(range.upperBound), not \(text).")
        }
        return number
    }
}
