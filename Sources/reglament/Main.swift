import Glibc

@main
enum Main {
    static func main() {
        OpenFiles.fillStandardDescriptors()
        exit(Program.run(CommandLine.arguments))
    }
}
