/// The bytes of each request.
struct RequestMaker: Sendable {
    private let numbers: ClosedRange<Int>
    /// Up to the number in the path, if there is one.
    private let beginning: [UInt8]
    private let hasNumber: Bool
    /// From there up to the number in the key, if there is one.
    private let middle: [UInt8]
    private let hasUniqueKey: Bool
    private let ending: [UInt8]

    /// `run` tells the keys of one run from those of another.
    init(_ options: Options, body: [UInt8], run: String) {
        numbers = options.numbers
        hasUniqueKey = options.hasUniqueKey
        let path = options.path.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
        hasNumber = path.count > 1
        beginning = Array("\(options.method) \(path[0])".utf8)
        var head = "\(hasNumber ? path[1] : "") HTTP/1.1\r\nHost: \(options.host)\r\n"
        for header in options.headers { head += "\(header)\r\n" }
        if hasUniqueKey { head += "Idempotency-Key: \(run)-" }
        middle = Array(head.utf8)
        let length = body.isEmpty ? "" : "Content-Length: \(body.count)\r\n"
        ending = Array("\(hasUniqueKey ? "\r\n" : "")\(length)\r\n".utf8) + body
    }

    func bytes(_ request: Int) -> [UInt8] {
        var bytes = beginning
        if hasNumber { bytes += String(numbers.lowerBound + request % numbers.count).utf8 }
        bytes += middle
        if hasUniqueKey { bytes += String(request).utf8 }
        return bytes + ending
    }
}
