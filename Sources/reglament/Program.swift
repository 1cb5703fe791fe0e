import EventLoop
import Glibc
import Tickets

/// Why a command ends early.
enum Failure: Error {
    /// The words make no sense: exit 2.
    case usage(String)
    /// It could not be done: exit 1. Lines for people.
    case failed(String)
    /// Somebody wanted it to end, and it did: exit 0. Lines for people.
    case stopped(String)
}

/// One command of the binary.
protocol Command: Sendable {
    /// The words that call it: `["policy", "lint"]`.
    static var words: [String] { get }
    /// What follows the words.
    static var synopsis: String { get }
    /// One line for the overview.
    static var summary: String { get }
    /// The options and what they mean, for `--help`; empty: none.
    static var options: [(String, String)] { get }
    /// Gives the exit status: 0 done, 1 failed.
    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32
}

extension Command {
    static var synopsis: String { "" }
    static var options: [(String, String)] { [] }
}

/// What the binary is: a table of commands.
enum Program {
    /// The one place that has it: the package is called by it, and the change log has a section of this name.
    static let version = "0.1.0"

    /// Of the compiler that built it.
    static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    static let commands: [any Command.Type] = [
        ServeCommand.self, DemoCommand.self, MigrateCommand.self, AutoCloseCommand.self, PolicyLintCommand.self,
        PolicyShowCommand.self, PolicyDiffCommand.self, CalendarCheckCommand.self, CalendarDeadlineCommand.self,
        CalendarRecalculateCommand.self, TokenCommand.self, ImportServiceNowCommand.self, VerifyCommand.self,
        AnchorCommand.self, PersonExportCommand.self, PersonEraseCommand.self, RetentionCommand.self,
        RoutesCommand.self, StatementsCommand.self, DocsCommand.self,
    ]

    static func run(_ words: [String]) -> Int32 {
        ignoreSIGPIPE()
        let status = perform(words)
        guard let missing = Terminal.whatIsMissing else { return status }
        Terminal.say(missing)
        return 1
    }

    private static func perform(_ words: [String]) -> Int32 {
        do {
            var rest = Array(words.dropFirst())
            if rest.isEmpty || ["--help", "-h", "help"].contains(rest[0]) {
                Terminal.print(overview)
                return rest.isEmpty ? 2 : 0
            }
            if rest == ["--version"] {
                Terminal.print("reglament \(version)")
                return 0
            }
            guard let command = commands.first(where: { rest.starts(with: $0.words) }) else {
                return try runGroup(rest)
            }
            rest.removeFirst(command.words.count)
            if rest.contains("--help") || rest.contains("-h") {
                Terminal.print(help(command))
                return 0
            }
            var arguments = Arguments(rest)
            let settings = try Settings.read(flags: Settings.flagged(&arguments))
            return try command.run(&arguments, settings)
        } catch Failure.usage(let reason) {
            Terminal.say("\(reason)\nSee `reglament --help`.")
            return 2
        } catch Failure.failed(let reason) {
            Terminal.say(reason)
            return 1
        } catch Failure.stopped(let reason) {
            Terminal.say(reason)
            return 0
        } catch let error as StoreError {
            // Such as the database lost between two looks at it, while the service starts.
            Terminal.say(error.sentence)
            return 1
        } catch {
            Terminal.say("\(error)")
            return 1
        }
    }

    /// The first word of several commands alone: what there is behind it.
    private static func runGroup(_ words: [String]) throws -> Int32 {
        let group = commands.filter { $0.words.count > 1 && $0.words[0] == words[0] }
        guard !group.isEmpty, words.count == 1 || words.contains("--help") || words.contains("-h") else {
            throw Failure.usage("There is no command `\(words.joined(separator: " "))`.")
        }
        Terminal.print(table(group))
        return words.count == 1 ? 2 : 0
    }

    private static func table(_ commands: [any Command.Type]) -> String {
        let width = commands.map { $0.words.joined(separator: " ").count }.max() ?? 0
        let lines = commands.map { command in
            let words = command.words.joined(separator: " ")
            return "  \(words)\(String(repeating: " ", count: width - words.count + 2))\(command.summary)"
        }
        return lines.joined(separator: "\n")
    }

    static var overview: String {
        """
        reglament COMMAND …

        \(table(commands))

        Every command has --help, and --version says which version this is. Results go to standard output, everything
        else to standard error; the exit status is 0 when it is done, 1 when it failed, 2 when the words make no sense.
        Settings come from flags (`--listen ADDRESS` for REGLAMENT_LISTEN), the environment and REGLAMENT_CONFIG_FILE:
        docs/reference/configuration.md has them all.
        """
    }

    static func help(_ command: any Command.Type) -> String {
        var text = "reglament \(command.words.joined(separator: " ")) \(command.synopsis)\n\n\(command.summary)"
        let width = command.options.map(\.0.count).max() ?? 0
        if !command.options.isEmpty { text += "\n" }
        for (option, meaning) in command.options {
            text += "\n  \(option)\(String(repeating: " ", count: width - option.count + 2))\(meaning)"
        }
        return text
    }
}
