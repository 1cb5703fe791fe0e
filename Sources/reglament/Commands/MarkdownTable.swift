/// A table of Markdown.
struct MarkdownTable {
    let head: [String]
    var rows: [[String]] = []

    var text: String {
        let lines = [head, head.map { _ in "---" }] + rows
        return lines.map { "| \($0.map(Self.cell).joined(separator: " | ")) |" }.joined(separator: "\n")
    }

    private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
