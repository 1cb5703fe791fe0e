import Digests

/// The frame of every page: one style, no script, nothing from elsewhere.
enum HTML {
    static func page(title: String, language: String, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="\(language)">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title.escapedForHTML)</title>
        <style>\(style)</style>
        </head>
        <body>
        \(body)
        </body>
        </html>

        """
    }

    /// Lets in the style above, by its digest (CSP Level 3), and nothing else at all.
    static let securityPolicy: String = {
        let digest = Base64URL.encode(Digest(of: style).bytes).replacing("-", with: "+").replacing("_", with: "/")
        return "default-src 'none'; style-src 'sha256-\(digest)='; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'"
    }()

    private static let style = """
        :root{color-scheme:light dark;--line:#8884;--soft:#8882;--link:#0b57d0}
        @media(prefers-color-scheme:dark){:root{--link:#8ab4f8}}
        body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
        h1{line-height:1.2}h2{margin-top:2.5rem;border-bottom:2px solid var(--line)}h3{margin-top:2rem}
        a{color:var(--link)}code,pre{font:.875em/1.5 ui-monospace,monospace}
        pre{background:var(--soft);padding:.75rem;overflow-x:auto;border-radius:.3rem}
        table{border-collapse:collapse;width:100%;margin:.5rem 0}
        th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
        th{font-weight:600}nav ul{columns:18rem;padding-left:1.2rem}.method{font-weight:700}
        .roles{color:#777}section{overflow-wrap:anywhere}
        """

    static func element(_ name: String, _ content: String) -> String { "<\(name)>\(content)</\(name)>" }

    static func code(_ text: String) -> String { element("code", text.escapedForHTML) }

    static func link(_ target: String, _ content: String) -> String {
        "<a href=\"\(target.escapedForHTML)\">\(content)</a>"
    }

    /// Nothing at all without rows. Cells are HTML.
    static func table(_ heads: [String], _ rows: [[String]]) -> String {
        if rows.isEmpty { return "" }
        let head = heads.map { "<th scope=\"col\">\($0.escapedForHTML)</th>" }.joined()
        let body = rows.map { row in "<tr>\(row.map { element("td", $0) }.joined())</tr>" }.joined(separator: "\n")
        return "<table>\n<thead><tr>\(head)</tr></thead>\n<tbody>\n\(body)\n</tbody>\n</table>"
    }

    /// Text in which `code` stands between backticks.
    static func prose(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
            index.isMultiple(of: 2) ? String(part).escapedForHTML : code(String(part))
        }.joined()
    }
}

extension String {
    /// As the content of an element or of a quoted attribute.
    var escapedForHTML: String {
        var out = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
