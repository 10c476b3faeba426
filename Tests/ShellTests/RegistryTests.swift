import Testing

@testable import Shell

struct RegistryTests {
    private static let names = Registry.builtIn.commands.map(\.name)

    @Test func hasEveryCommandOfTheContract() {
        let everywhere = [
            "generate", "gradients", "tokenize", "detokenize", "logits", "score", "train", "bench", "convert", "inspect",
            "verify", "run",
            "test",
            "zoo",
            "help",
        ]
        let atThePrompt = ["load", "info", "set", "show", "reset", "undo", "save", "restore", "quit"]
        #expect(Registry.builtIn.commands(at: .subcommand).map(\.name).sorted() == everywhere.sorted())
        #expect(Registry.builtIn.commands(at: .prompt).map(\.name).sorted() == (everywhere + atThePrompt).sorted())
    }

    @Test(arguments: names)
    func helpIsComplete(name: String) throws {
        let command = try Registry.builtIn.command(name, at: .prompt)
        #expect(!command.description.summary.isEmpty)
        #expect(!command.description.examples.isEmpty)
        for option in command.options() {
            #expect(!option.summary.isEmpty, "\(option.names) of \(name) has no summary")
            // What the usage line lists, the options must have, and the other way round.
            if option.section == nil, let long = option.names.first(where: { $0.hasPrefix("--") }),
                !Setting.all.contains(where: { "--" + $0.name == long }),
                !["--mapping", "--tokenizer", "--text"].contains(long)
            {
                #expect(command.description.usage.contains(long), "\(long) is missing in the usage of \(name)")
            }
        }
        let help = HelpText(registry: .builtIn, place: .prompt).explain(command)
        #expect(help[0].hasPrefix("Usage: /\(name)"))
        #expect(help.contains { $0.hasPrefix("Example") })
    }

    @Test(arguments: Registry.builtInCommands.map { $0.about.name })
    func examplesCanBeTyped(name: String) throws {
        let type = try #require(Registry.builtInCommands.first { $0.about.name == name })
        for example in type.about.examples {
            let words = try Words.split(example.words)
            #expect(throws: Never.self, "\(example.words)") { _ = try type.parse(try type.prepared(words)) }
        }
    }

    @Test func optionsAreReadFromTheirDeclarations() throws {
        let options = try Registry.builtIn.command("generate", at: .prompt).options()
        let byName = Dictionary(uniqueKeysWithValues: options.map { ($0.names.last ?? "", $0) })
        #expect(byName["-n"]?.heading == "-n N")
        #expect(byName["--stop"]?.isRepeating == true)
        #expect(byName["--prompt-file"]?.values == .files)
        #expect(byName["--preset"]?.values == .words(["llama.cpp", "hf", "char-rnn", "chatrwkv", "greedy"]))
        #expect(byName["--json"]?.valueName == nil)
        #expect(byName["--help"] == nil)
    }

    @Test(arguments: [("genrate", "generate"), ("tokenise", "tokenize"), ("hlep", "help"), ("quitt", "quit")])
    func anUnknownCommandNamesTheNearest(word: String, nearest: String) {
        let failure = #expect(throws: Failure.self) { try Registry.builtIn.command(word, at: .prompt) }
        #expect(failure?.code == .usage)
        #expect(failure?.message.contains("“/\(nearest)”") == true)
    }

    @Test func subcommandsTakeAModelInFront() throws {
        let generate = try Registry.builtIn.command("generate", at: .subcommand)
        #expect(HelpText(registry: .builtIn, place: .subcommand).usage(generate).hasPrefix("Usage: rnnz generate MODEL "))
        #expect(HelpText(registry: .builtIn, place: .prompt).usage(generate).hasPrefix("Usage: /generate ["))
    }

    @Test func helpListsEveryCommandOnce() throws {
        let lines = HelpText(registry: .builtIn, place: .prompt).list()
        for name in Self.names { #expect(lines.filter { $0.hasPrefix("  /\(name) ") }.count == 1) }
    }

    @Test func aCommandThatIsAddedIsThereForHelpAndCompletion() throws {
        var registry = Registry.builtIn
        var entry = try registry.command("quit", at: .prompt)
        entry.description.name = "haiku"
        registry.add(entry)
        let bench = try Bench()
        let shell = Shell(host: bench.shell.host, registry: registry)
        #expect(shell.completion(of: "/hai").words == ["/haiku"])
        #expect(HelpText(registry: registry, place: .prompt).list().contains { $0.contains("/haiku") })
    }
}
