import Digests
import JSONText
public import Regulations

/// What the service says of itself: the OpenAPI document and the pages made of the same tables, in every language.
///
/// Drawn once, at the start, and given out as it is.
public struct Reference: Sendable {
    /// Something to be given out, and the tag that names just these bytes.
    struct Page: Sendable {
        let contentType: String
        let language: Language
        let bytes: [UInt8]
        let etag: String
        var fields: [(name: String, value: String)] = []

        init(_ contentType: String, _ language: Language, _ bytes: [UInt8]) {
            self.contentType = contentType
            self.language = language
            self.bytes = bytes
            etag = "\"\(Digest(of: bytes).hex.prefix(32))\""
        }
    }

    private struct Pages: Sendable {
        let document: Page
        let documentation: Page
        let problems: Page
        let problem: [ProblemType: Page]
    }

    private let byLanguage: [Language: Pages]

    public init(_ texts: Texts) {
        var byLanguage: [Language: Pages] = [:]
        for language in Language.allCases {
            let prose = Prose(texts, in: language)
            let problems = ProblemPages(prose: prose)
            byLanguage[language] = Pages(
                document: Page("application/json", language, OpenAPIDocument(prose: prose).bytes),
                documentation: Reference.html(language, DocumentationPage(prose: prose).text),
                problems: Reference.html(language, problems.list),
                problem: Dictionary(
                    ProblemType.allCases.map { ($0, Reference.html(language, problems.page($0))) }
                ) { first, _ in first })
        }
        self.byLanguage = byLanguage
    }

    /// The OpenAPI document as a text to be read and compared line by line.
    public static func document(_ texts: Texts, in language: Language) -> String {
        OpenAPIDocument(prose: Prose(texts, in: language)).text
    }

    func documentPage(_ language: Language) -> Page { pages(language).document }
    func documentationPage(_ language: Language) -> Page { pages(language).documentation }
    func problemList(_ language: Language) -> Page { pages(language).problems }
    func problemPage(_ type: ProblemType, _ language: Language) -> Page? { pages(language).problem[type] }

    private func pages(_ language: Language) -> Pages {
        guard let pages = byLanguage[language] else { preconditionFailure("every language was drawn") }
        return pages
    }

    private static func html(_ language: Language, _ text: String) -> Page {
        var page = Page("text/html; charset=utf-8", language, Array(text.utf8))
        page.fields = [
            ("Content-Security-Policy", HTML.securityPolicy), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ]
        return page
    }
}
