import HTTPWire

/// What a request says its body is.
enum ContentType {
    static let json: Set<String> = ["application/json"]
    static let patches: Set<String> = ["application/json", "application/merge-patch+json"]

    /// None of what is admitted is longer, and what is compared must not be.
    private static let bytesMax = 256

    /// Refuses a body of any other type than the method takes. A POST with neither body nor `Content-Type` means `{}`.
    static func check(_ request: Request, isEmpty: Bool) throws(Problem) {
        let isPatch = request.method == "PATCH"
        if isEmpty && !isPatch && !request.fields.contains("content-type") { return }
        if admits(request.fields, isPatch ? patches : json) { return }
        var problem = Problem(.unsupportedMediaType)
        if isPatch { problem.fields = [("Accept-Patch", "application/merge-patch+json, application/json")] }
        // RFC 9110, 15.5.16: what it would have taken; gzip is undone before a request comes here.
        if !isPlain(request.fields) { problem.fields.append(("Accept-Encoding", "gzip")) }
        throw problem
    }

    /// Whether no coding lies over the body.
    static func isPlain(_ fields: Fields) -> Bool {
        fields.values("content-encoding").allSatisfy {
            $0.utf8.count <= bytesMax && $0[...].trimmingBlanks().lowercased() == "identity"
        }
    }

    /// Whether the fields name one of `types`, in UTF-8 and with no coding over it.
    static func admits(_ fields: Fields, _ types: Set<String>) -> Bool {
        guard isPlain(fields) else { return false }
        let values = fields.values("content-type")
        guard values.count == 1, let value = values.first, value.utf8.count <= bytesMax else { return false }
        if types.contains(value) { return true }
        var parts = value.split(separator: ";", omittingEmptySubsequences: false).map {
            $0.trimmingBlanks().lowercased()
        }
        guard types.contains(parts.removeFirst()) else { return false }
        // RFC 9110, 5.6.6: nothing may stand between two semicolons.
        return parts.allSatisfy { ["", "charset=utf-8", "charset=\"utf-8\""].contains($0) }
    }
}
