import Digests
import Glibc
import HTTPWire
import JSONText
public import Regulations

/// What the service says of itself: the OpenAPI document and the pages made of the same tables, in every language.
///
/// Drawn when somebody first asks, beside the loops, and given out as it is from then on: a language takes some 30 ms,
/// which no start should wait for. From any thread.
///
/// Unchecked: `drawings` is touched only while `mutex` is held.
public final class Reference: @unchecked Sendable {
    /// Something to be given out, and the tag that names just these bytes.
    struct Page: Sendable {
        let contentType: String
        let language: Language
        let bytes: [UInt8]
        let etag: String
        let gzipped: GzippedForm
        var fields: [(name: String, value: String)] = []

        init(_ contentType: String, _ language: Language, _ bytes: [UInt8]) {
            self.contentType = contentType
            self.language = language
            self.bytes = bytes
            etag = "\"\(Digest(of: bytes).hex.prefix(32))\""
            gzipped = GzippedForm(plainCount: bytes.count)
        }
    }

    struct Pages: Sendable {
        let document: Page
        let documentation: Page
        let problems: Page
        let problem: [ProblemType: Page]

        fileprivate init(_ prose: Prose, _ language: Language) {
            let problems = ProblemPages(prose: prose)
            document = Page("application/json", language, OpenAPIDocument(prose: prose).bytes)
            documentation = Reference.html(language, DocumentationPage(prose: prose).text)
            self.problems = Reference.html(language, problems.list)
            problem = Dictionary(
                ProblemType.allCases.map { ($0, Reference.html(language, problems.page($0))) }
            ) { first, _ in first }
        }
    }

    private let texts: Texts
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var drawings: [Language: Task<Pages, Never>] = [:]

    public init(_ texts: Texts) {
        self.texts = texts
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Whoever comes while they are drawn waits for the same.
    func pages(_ language: Language) async -> Pages { await drawing(language).value }

    private func drawing(_ language: Language) -> Task<Pages, Never> {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if let begun = drawings[language] { return begun }
        let drawing = Task.detached { [texts] in Pages(Prose(texts, in: language), language) }
        drawings[language] = drawing
        return drawing
    }

    /// The OpenAPI document as a text to be read and compared line by line.
    public static func document(_ texts: Texts, in language: Language) -> String {
        OpenAPIDocument(prose: Prose(texts, in: language)).text
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
