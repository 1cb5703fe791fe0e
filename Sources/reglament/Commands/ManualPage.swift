/// reglament(1) as man(7) wants it: out of the table of commands, and of `Config/example.conf`, which tells of every setting.
enum ManualPage {
    static func text(example: String) -> String {
        let version = escaped(Program.version)
        let commands = Program.commands.map(section).joined(separator: "\n")
        return #"""
            .TH reglament 1 "" "reglament \#(version)" "User Commands"
            .ad l
            .SH NAME
            reglament \- support ticket service that executes a support regulation
            .SH SYNOPSIS
            .B reglament
            .I COMMAND
            [\fIOPTION\fR ...]
            .SH DESCRIPTION
            Results go to standard output, everything else to standard error.
            .SH COMMANDS
            \#(commands)
            .SH OPTIONS
            .TP
            .B \-\-help
            The commands; after a command, its options.
            .TP
            .B \-\-version
            Which version this is.
            .PP
            Each setting below is an option of every command, too: \fB\-\-listen\fR for \fBREGLAMENT_LISTEN\fR.
            .SH EXIT STATUS
            0 when it is done, 1 when it failed, 2 when the words make no sense.
            .SH ENVIRONMENT
            An option wins over the environment, and that over the file that
            .B REGLAMENT_CONFIG_FILE
            names. Values are the defaults, or examples where there is none.
            \#(settings(example))
            """# + "\n"
    }

    private static func section(_ command: any Command.Type) -> String {
        let words = "reglament \(command.words.joined(separator: " "))"
        let head = ".SS \(escaped(command.synopsis.isEmpty ? words : "\(words) \(command.synopsis)"))"
        let options = command.options.map { ".TP\n.B \(escaped($0.0))\n\(line($0.1))" }
        return ([head, line(command.summary)] + options).joined(separator: "\n")
    }

    /// The example's comments with the settings that follow them; what stands above the first setting is for its readers.
    private static func settings(_ example: String) -> String {
        var entries: [String] = []
        var words: [Substring] = []
        var names: [Substring] = []
        func end() {
            if !names.isEmpty {
                let heads = names.enumerated().map { "\($0 == 0 ? ".TP" : ".TQ")\n.B \(escaped(String($1)))" }
                entries.append((heads + [line(words.joined(separator: " "))]).joined(separator: "\n"))
            }
            (words, names) = ([], [])
        }
        for text in example.split(separator: "\n", omittingEmptySubsequences: false) {
            if text.hasPrefix("#REGLAMENT_") {
                names.append(text.dropFirst())
            } else {
                if text.isEmpty || !names.isEmpty { end() }
                if text.isEmpty { continue }
                words.append(text.drop { $0 == "#" || $0 == " " })
            }
        }
        end()
        return entries.joined(separator: "\n")
    }

    /// A line of text that is none of man's requests, whatever it begins with.
    private static func line(_ text: String) -> String { "\\&" + escaped(text) }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    }
}
