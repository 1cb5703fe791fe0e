/// The bytes of each request.
struct RequestMaker: Sendable {
    private let options: Options
    private let body: [UInt8]
    /// Tells the keys of one run from those of another.
    private let run: String

    init(_ options: Options, body: [UInt8], run: String) {
        self.options = options
        self.body = body
        self.run = run
    }

    func bytes(_ request: Int) -> [UInt8] {
        let number = options.numbers.lowerBound + request % options.numbers.count
        let path = options.path.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
        var text = "\(options.method) \(path.joined(separator: "\(number)")) HTTP/1.1\r\nHost: \(options.host)\r\n"
        for header in options.headers { text += "\(header)\r\n" }
        if options.hasUniqueKey { text += "Idempotency-Key: \(run)-\(request)\r\n" }
        if !body.isEmpty { text += "Content-Length: \(body.count)\r\n" }
        return Array("\(text)\r\n".utf8) + body
    }
}
