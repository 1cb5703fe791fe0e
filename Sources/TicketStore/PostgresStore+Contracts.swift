import Postgres
import Regulations
public import Tickets

extension PostgresStore {
    public func contracts(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Contract> {
        let rows = try await read(access, Statements.contracts, position(page) + own(access))
        return page.cut(rows) { [$0.id.text] }
    }

    public func contract(_ id: ContractID, _ access: Access) async throws(StoreError) -> Contract? {
        try await read(access, Statements.contract, [.id(id)] + own(access)).first
    }

    public func create(_ contract: Contract, answer: KeptAnswer, _ access: Access) async throws(StoreError) {
        try await writeKeyed(
            Statements.insertContract,
            terms(contract) + [.text(contract.organization), .text(contract.product)], answer: answer,
            lock: Self.lock(contract), access)
    }

    public func update(_ contract: Contract, from before: Contract, _ access: Access) async throws(StoreError) {
        try await writeKeyed(
            Statements.updateContract, terms(contract) + terms(before).dropFirst(), answer: nil,
            lock: Self.lock(contract), access)
    }

    /// Whoever writes beside one that overlaps waits for its end, and it for theirs: PostgreSQL would call it a deadlock.
    private static func lock(_ contract: Contract) -> String {
        "reglament contracts \(contract.organization) \(contract.product)"
    }

    private func terms(_ contract: Contract) -> [Parameter] {
        [
            .id(contract.id), .optional(contract.plan), .date(contract.validFrom.iso),
            contract.validTo.map { .date($0.iso) } ?? nil, .optional(contract.autoCloseAfterWorkingDays),
            .texts(contract.responsibleContacts.map(\.text)),
        ]
    }

    // MARK: Releases

    public func releases(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Release> {
        let after = page.after ?? ["", ""]
        guard after.count == 2 else { return Page(items: [], next: nil) }
        let rows = try await read(
            access, Statements.releases, [.text(after[0]), .text(after[1]), .integer(page.limit + 1)])
        return page.cut(rows) { [$0.product, $0.version] }
    }

    public func release(
        _ product: String, _ version: String, _ access: Access
    ) async throws(StoreError) -> Release? {
        try await read(access, Statements.release, [.text(product), .text(version)]).first
    }

    public func create(
        _ release: Release, by user: UserID, answer: KeptAnswer, _ access: Access
    ) async throws(StoreError) {
        try await writeKeyed(
            Statements.insertRelease,
            [
                .text(release.product), .text(release.version), .optional(release.notes), .instant(release.createdAt),
                .id(user),
            ], answer: answer, access)
    }
}

extension Statements {
    private static let contractColumns = """
        id, organization, product, plan, valid_from, valid_to, auto_close_after_working_days, responsible_contacts
        """

    static let contracts = Statement<Contract>(
        "contracts",
        """
        SELECT \(contractColumns) FROM contracts
         WHERE id > $1 AND ($3::text IS NULL OR organization = $3) ORDER BY id LIMIT $2
        """
    ) { (row) throws(RowError) in try row.contract() }

    static let contract = Statement<Contract>(
        "contract",
        "SELECT \(contractColumns) FROM contracts WHERE id = $1 AND ($2::text IS NULL OR organization = $2)"
    ) { (row) throws(RowError) in try row.contract() }

    static let insertContract = Statement<Int>.keyed("insert_contract", parameters: 8) { free in
        """
        INSERT INTO contracts (id, plan, valid_from, valid_to, auto_close_after_working_days, responsible_contacts,
                               organization, product)
        SELECT $1, $2, $3::date, $4::date, $5::integer, $6::text[], $7, $8 WHERE \(free)
        """
    }

    /// $7 to $11 what was before, in the order of $2 to $6
    static let updateContract = Statement<Int>.keyed("update_contract", parameters: 11) { free in
        """
        UPDATE contracts SET plan = $2, valid_from = $3, valid_to = $4, auto_close_after_working_days = $5,
                             responsible_contacts = $6
         WHERE id = $1 AND \(free)
           AND (plan, valid_from, valid_to, auto_close_after_working_days, responsible_contacts)
               IS NOT DISTINCT FROM ($7, $8::date, $9::date, $10::integer, $11::text[])
        """
    }

    private static let releaseColumns = "product, version, notes, created_at, published_at"

    static let releases = Statement<Release>(
        "releases",
        """
        SELECT \(releaseColumns) FROM releases WHERE (product, version) > ($1, $2) ORDER BY product, version LIMIT $3
        """
    ) { (row) throws(RowError) in try row.release() }

    static let release = Statement<Release>(
        "release", "SELECT \(releaseColumns) FROM releases WHERE product = $1 AND version = $2"
    ) { (row) throws(RowError) in try row.release() }

    static let insertRelease = Statement<Int>.keyed("insert_release", parameters: 5) { free in
        """
        INSERT INTO releases (product, version, notes, created_at, created_by)
        SELECT $1, $2, $3, $4::timestamptz, $5 WHERE \(free)
        """
    }
}

extension ResultRow {
    mutating func contract() throws(RowError) -> Contract {
        Contract(
            id: try id(), organization: try text(), product: try text(),
            plan: try optionalText(), validFrom: try day(),
            validTo: try optionalDate().flatMap { CalendarDate(iso: $0) }, autoCloseAfterWorkingDays: try optionalInt(),
            responsibleContacts: try ids())
    }

    mutating func release() throws(RowError) -> Release {
        Release(
            product: try text(), version: try text(), notes: try optionalText(), createdAt: try instant(),
            publishedAt: try optionalInstant())
    }

    private mutating func day() throws(RowError) -> CalendarDate {
        guard let day = CalendarDate(iso: try date()) else { throw RowError(column: 0, reason: "is no date") }
        return day
    }
}
