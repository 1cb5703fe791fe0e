extension String {
    /// Whether both have the same bytes. JSON does not normalise (RFC 8259, 8.3), while `==` takes canonical equivalents for equal, for
    /// which it puts combining marks in order: of many in a row that takes the square of their number. What a client has sent, at whatever
    /// length, is compared with this.
    public func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        var (left, right) = (self, other)
        return left.withUTF8 { left in right.withUTF8 { right in left.elementsEqual(right) } }
    }
}
