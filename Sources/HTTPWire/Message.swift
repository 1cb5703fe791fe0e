/// How the client itself speaks, to this server or to the outermost proxy that is trusted.
public enum Scheme: String, Sendable { case http, https }

/// A request as a handler sees it.
public struct Request: Sendable {
    public var method: String
    /// As received.
    public var target: String
    /// Still percent-encoded.
    public var path: String
    /// What follows the first `?`, still percent-encoded; nil without one.
    public var query: String?
    /// 0 or 1.
    public var minorVersion: Int
    public var fields: Fields
    public var body: RequestBody
    /// The client's numeric address without port, or `unix`: the peer's own, unless a trusted proxy names another.
    public var remoteAddress: String
    public var scheme: Scheme

    public init(
        method: String, target: String, path: String, query: String? = nil, minorVersion: Int = 1,
        fields: Fields = Fields(), body: RequestBody = .empty, remoteAddress: String = "", scheme: Scheme = .http
    ) {
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.minorVersion = minorVersion
        self.fields = fields
        self.body = body
        self.remoteAddress = remoteAddress
        self.scheme = scheme
    }

    public init(
        _ head: consuming RequestHead, body: RequestBody, remoteAddress: String, scheme: Scheme = .http
    ) {
        method = head.method
        target = head.target
        path = head.path
        query = head.query
        minorVersion = head.minorVersion
        fields = head.fields
        self.body = body
        self.remoteAddress = remoteAddress
        self.scheme = scheme
    }
}

/// A response as a handler gives it. `Date`, `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive` and
/// `Trailer` are the server's: given here they are left out.
public struct Response: Sendable {
    /// 200 to 599.
    public var status: Int
    public var fields: Fields
    public var body: ResponseBody
    /// The connection ends with it, and the client is told so: for streams that go on until somebody ends them. Whoever
    /// comes back then does so on another connection, and after a restart at another process.
    public var closes = false
    /// For a body that many get alike, and for a 304 in its place: whoever gzips it keeps it here. Nil: it is gzipped anew.
    public var gzipped: GzippedForm?

    public init(status: Int, fields: Fields = Fields(), body: ResponseBody = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

public enum ResponseBody: Sendable {
    case none
    case bytes([UInt8])
    /// Pulled when the client has taken what came before; nil ends it; an error, or another length than promised,
    /// aborts the connection, so that the client never sees a clean end. Without a length it is chunked
    /// (HTTP/1.1) or ends with the connection (HTTP/1.0). The task of `next` is cancelled when the client has gone or
    /// has ended its side: whoever may wait for long gives nil then.
    case stream(length: Int?, next: @Sendable () async throws -> [UInt8]?)
}

/// How a request is answered that takes no task of its own.
public enum PromptReply {
    case now(Response)
    /// Once the function that is given has been called back, once, on the request's loop.
    case later(_ start: (_ finish: @escaping (Response) -> Void) -> Void)
}
