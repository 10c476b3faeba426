import Archive
import Foundation
import Kernels
import Network
import Testing

@testable import Training

@Suite struct RecipeTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func readsLinesAndComments() throws {
        let recipe = try Recipe(
            text: """
                # Shakespeare again
                corpus = input.txt        # tinyshakespeare
                cell=gru
                  hidden =  384\t
                separator = "\\n\\n#\\t\\"\\\\"
                note = a # b\r
                lr = 2.5e-3
                time = 1.5h
                tied = yes

                """, path: "r")
        #expect(recipe.corpus == "input.txt" && recipe.cell == .gru && recipe.hidden == 384)
        #expect(recipe.separator == "\n\n#\t\"\\" && recipe.note == "a")
        #expect(recipe.learningRate == 2.5e-3 && recipe.seconds == 5400 && recipe.isTied)
        #expect(recipe.layers == Recipe().layers)
    }

    @Test func everythingThatIsWrongIsReported() throws {
        let text = "hiden = 3\nhidden\nhidden = 0\nlayers = 2\n\nlayers = 3\nnonsense = 1\ncell = LSTM\nnote = \"open\nlr = inf\n"
        let error = #expect(throws: TrainingError.self) { try Recipe(text: text, path: "my.recipe") }
        #expect(
            "\(try #require(error))" == """
                my.recipe:1: there is no setting “hiden”; did you mean “hidden”?
                my.recipe:2: “hidden” is no setting; a line is `key = value`, or a comment that begins with #
                my.recipe:3: “hidden” is “0”; it should be a whole number, at least 1
                my.recipe:6: “layers” was set in line 4 already
                my.recipe:7: there is no setting “nonsense”
                my.recipe:8: “cell” is “LSTM”; it should be rnn, lstm, gru
                my.recipe:9: “note” is “"open”; it should be a text
                my.recipe:10: “lr” is “inf”; it should be a number
                """)
    }

    @Test func pathsAreMeantFromTheRecipesFolder() throws {
        let path = try folder.write(
            "corpus = a/b.txt\nout = /abs/m.rnnz\ntokenizer = vocab.json\nprogram = p.rnn\ninit = x\nvalidation = v\n",
            to: "r.recipe")
        let recipe = try Recipe(path: path)
        #expect(recipe.corpus == folder.file("a/b.txt") && recipe.output == "/abs/m.rnnz" && recipe.start == folder.file("x"))
        #expect(recipe.tokenizer == folder.file("vocab.json") && recipe.program == folder.file("p.rnn"))
        #expect(recipe.validation == folder.file("v") && recipe.checkpointPath == "/abs/m.checkpoint.rnnz")
        #expect(try Recipe(text: "tokenizer = bytes", path: "r", folder: "x/").tokenizer == "bytes")
    }

    /// A value for every key, so that none is left out.
    private static let everything: [(String, String)] = [
        ("name", "my model"), ("description", " blanks around "), ("license", "MIT"), ("note", "a # and \"quotes\""),
        ("out", "m.rnnz"),
        ("checkpoint", "c.rnnz"), ("storage", "q8"), ("start-text", "\n"), ("corpus", "in # put.txt"), ("validation", "v.txt"),
        ("validation-share", "0.05"),
        ("tokenizer", "bytes"), ("separator", "\r\n\t\u{2028}\\"), ("cell", "gru"), ("layers", "3"), ("hidden", "77"),
        ("embedding", "5"), ("tied", "yes"), ("dropout", "0.3"), ("dropout-input", "0.1"), ("dropout-recurrent", "0.2"),
        ("forget-bias", "-1.5"), ("orthogonal", "yes"), ("program", "p.rnn"),
        ("tensors", "embedding [vocabulary, hidden]; layers.L.W [4*hidden, 2 * 3]; eps []"),
        ("hyperparameters", "eps 1e-05; heads 4"),
        (
            "initialization",
            "W: zeros; *.b: constant 1.0 part 1 of 4; E*: normal 0.1; U: orthogonal 1 blocks 4; V: orthogonal 2; X: uniform 0.5"
        ), ("init", "start.rnnz"), ("freeze", "embedding, layers.0.W"), ("optimizer", "rmsprop"), ("lr", "0.0025"),
        ("momentum", "0.9"),
        ("weight-decay", "0.01"), ("beta1", "0.8"), ("beta2", "0.95"), ("alpha", "0.9"), ("eps", "1e-06"), ("clip", "5"),
        ("clip-value", "0.5"), ("schedule", "cosine"), ("warm-up", "200"), ("lr-floor", "5e-05"), ("decay-every", "10"),
        ("decay-factor", "0.25"), ("window", "96"), ("batch", "48"), ("zero-state-share", "0.2"),
        ("seed", "18446744073709551615"),
        ("threads", "2"), ("steps", "9"), ("epochs", "12.5"), ("time", "90m"), ("patience", "4"), ("evaluate-every", "100"),
        ("checkpoint-every", "50"), ("progress-every", "7"), ("sample", "0"),
    ]

    @Test func whatIsWrittenReadsBack() throws {
        var recipe = Recipe()
        for (name, value) in Self.everything { try recipe.set(name, to: value) }
        let names = Self.everything.map(\.0)
        #expect(RecipeKey.all.map(\.name).sorted() == names.sorted())
        let text = recipe.text
        #expect(text.split(separator: "\n").count == names.count)
        #expect(try Recipe(text: text, path: "r") == recipe)
        #expect(try Recipe(text: "", path: "r") == Recipe() && Recipe().text == "")
        // Each key changes what it says it does, and nothing else's text.
        for (name, value) in Self.everything {
            var one = Recipe()
            try one.set(name, to: value)
            #expect(one.text.hasPrefix("\(name) = ") && one.text.split(separator: "\n").count == 1)
            #expect(try Recipe(text: one.text, path: "r") == one)
        }
    }

    @Test(arguments: [
        ("tensors", "W"), ("tensors", "W [3"), ("tensors", "W [0]"), ("tensors", "W [height]"), ("tensors", "W [4*]"),
        ("tensors", "W [9223372036854775807*2]"), ("hyperparameters", "eps"), ("hyperparameters", "a 1; a 2"),
        ("initialization", "W"), ("initialization", "W: normal"), ("initialization", "W: zeros part 4 of 4"),
        ("initialization", "W: orthogonal 1 blocks 0"), ("time", "0"), ("time", "h"), ("seed", "-1"), ("tied", "maybe"),
        ("corpus", ""), ("optimizer", "Adam"), ("freeze", " , "), ("warm-up", "-1"), ("steps", "1.5"), ("epochs", "nan"),
    ]) func valuesThatAreNoneAreRefused(_ name: String, _ value: String) {
        var recipe = Recipe()
        #expect {
            try recipe.set(name, to: value)
        } throws: { error in
            guard case .option(name, value, _)? = error as? TrainingError else { return false }
            return true
        }
        #expect(recipe == Recipe())
    }

    @Test func unknownOptionsHaveNeighbours() {
        var recipe = Recipe()
        #expect(throws: TrainingError.unknownOption(name: "wieght-decay", nearest: "weight-decay")) {
            try recipe.set("wieght-decay", to: "1")
        }
        #expect(throws: TrainingError.unknownOption(name: "", nearest: nil)) { try recipe.set("", to: "1") }
    }

    @Test func optionsAreThoseOfTheRule() throws {
        var recipe = Recipe()
        recipe.optimizer = .rmsprop
        recipe.momentum = 0.5
        recipe.steps = 7
        recipe.clip = 2
        (recipe.schedule, recipe.decayEvery, recipe.warmUp) = (.step, 3, 2)
        let options = recipe.trainerOptions(seed: 4)
        var expected = OptimizerOptions(.rmsprop)
        expected.momentum = 0.5
        #expect(options.optimizer == expected && options.optimizer.learningRate == 0.01)
        #expect(options.seed == 4 && options.steps == 7 && options.clipping == Clipping(norm: 2))
        #expect(options.schedule == Schedule(.step(every: 3, factor: 0.5), warmUp: 2))
        recipe.seed = 9
        #expect(recipe.trainerOptions(seed: 4).seed == 9)
    }
}

@Suite struct TrainingSetupTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func recipe(_ lines: String) throws -> Recipe {
        _ = try folder.write(String(repeating: "to be or not to be. ", count: 30), to: "text.txt")
        return try Recipe(
            path: try folder.write("corpus = text.txt\nsteps = 4\nbatch = 2\nwindow = 8\nhidden = 6\n" + lines, to: "r.recipe"))
    }

    private func setup(_ lines: String) throws -> TrainingSetup {
        try TrainingSetup(try recipe(lines), seed: 1, converter: "rnnz test")
    }

    @Test func makesAllThatATrainingNeeds() throws {
        let setup = try setup("out = m.rnnz\nlayers = 2\n")
        #expect(setup.outline.header.name == "m" && setup.outline.header.architecture == "lstm")
        #expect(setup.outline.header.provenance?.files.map(\.name) == ["text.txt"])
        #expect(setup.output == TrainerOutput(model: folder.file("m.rnnz"), checkpoint: folder.file("m.checkpoint.rnnz")))
        #expect(setup.corpus.tokenizer.idLimit == 8 && setup.validation != nil)
        #expect(setup.tensors["rnn.1.weight_hh"]?.shape == [24, 6])
        #expect(setup.outline.header.tensors.map(\.name).sorted() == setup.tensors.keys.sorted())
        #expect(setup.options.recipe == setup.recipe.text)
    }

    /// From a recipe to an archive and on from it, with a network written by hand in the place of the real one.
    @Test func aModelMayBeginFromAnother() throws {
        let first = try setup("out = m.rnnz\nname = first\nvalidation-share = 0\n")
        try ArchiveWriter().write(first.outline.header, tensors: first.tensors, to: folder.file("m.rnnz"))
        let second = try setup("init = m.rnnz\nvalidation-share = 0\n")
        #expect(second.outline.header.name == "first" && second.outline.header.program == first.outline.header.program)
        #expect(second.tensors.mapValues { $0.floats() } == first.tensors.mapValues { $0.floats() })
        #expect(second.validation == nil)
        // Its tokenizer stays: a text with other characters does not fit.
        _ = try folder.write("ünlike", to: "other.txt")
        var recipe = second.recipe
        recipe.corpus = folder.file("other.txt")
        #expect { try TrainingSetup(recipe, seed: 1, converter: "") } throws: { "\($0)".contains("“ü” (U+00FC at byte 0)") }
    }

    @Test func programsOfOnesOwnHaveTheirTensors() throws {
        _ = try folder.write("step(token) { return table[token] * gain }\n", to: "p.rnn")
        let setup = try setup(
            "program = p.rnn\nlayers = 2\ntensors = table [vocabulary, vocabulary]; layers.L.W [2*hidden]\nhyperparameters = gain 2\n"
        )
        #expect(setup.tensors.mapValues(\.shape) == ["table": [8, 8], "layers.0.W": [12], "layers.1.W": [12]])
        #expect(setup.outline.header.program == "step(token) { return table[token] * gain }\n")
        #expect(setup.outline.header.hyperparameters == ["gain": 2])
        for wrong in ["program = p.rnn\n", "tensors = W [1]\n", "hyperparameters = a 1\n"] {
            #expect(throws: TrainingError.self, "\(wrong)") { try self.setup(wrong) }
        }
    }

    @Test func tensorsThatNoProgramCouldHave() throws {
        _ = try folder.write("step(token) { return table[token] }\n", to: "p.rnn")
        func problem(_ tensors: String, _ more: String = "") -> TrainingError? {
            #expect(throws: TrainingError.self) {
                try self.setup("program = p.rnn\ntensors = table [vocabulary, vocabulary]; \(tensors)\n\(more)")
            }
        }
        #expect(problem("table [3]") == .optionConflict(name: "tensors", problem: "has “table” twice"))
        #expect(
            problem("training/x [3]")
                == .optionConflict(
                    name: "tensors", problem: "has “training/x”, a name that checkpoints keep for themselves"))
        #expect(
            problem("x.L [1]", "layers = 900000000\n")
                == .option(name: "layers", value: "900000000", expected: "a whole number from 1 to 1024"))
    }

    /// It would be missing from archives otherwise, which are written when hours have been spent.
    @Test func aTensorThatTheProgramDoesNotReadIsKept() throws {
        _ = try folder.write("step(token) { return table[token] }\n", to: "p.rnn")
        let setup = try setup("program = p.rnn\ntensors = table [vocabulary, vocabulary]; spare [3]\n")
        #expect(setup.outline.constants.keys.sorted() == ["spare"])
        let trainer = try Trainer(
            learner: try setup.learner(), batches: setup.batches, outline: setup.outline, options: setup.options, clock: { 0 })
        #expect(try trainer.tensors().keys.sorted() == ["spare", "table"])
    }

    @Test func tokensOutOfRangeAreFoundBeforeTheFirstStep() throws {
        _ = try folder.write("step(token) { return table[token] }\n", to: "p.rnn")
        let setup = try setup("program = p.rnn\ntensors = table [7, vocabulary]\n")
        #expect(throws: NetworkError.tokenOutOfRange(7, limit: 7)) { try setup.learner() }
    }

    @Test func whatIsMissingIsSaid() throws {
        #expect(throws: TrainingError.optionConflict(name: "corpus", problem: "is not given")) {
            try TrainingSetup(Recipe(), seed: 1, converter: "")
        }
        var recipe = try recipe("")
        recipe.steps = nil
        #expect(throws: TrainingError.runWithoutEnd) { try TrainingSetup(recipe, seed: 1, converter: "") }
    }

    @Test func vocabulariesMayBeGiven() throws {
        _ = try folder.write(#"["b","e","n","o","r","t"," ",".","z"]"#, to: "vocab.json")
        #expect(try setup("tokenizer = vocab.json\n").corpus.tokenizer.idLimit == 9)
        #expect(try setup("tokenizer = bytes\n").corpus.tokenizer.idLimit == 256)
        _ = try folder.write(#"{"a": "b"}"#, to: "vocab.json")
        #expect(throws: TrainingError.self) { try setup("tokenizer = vocab.json\n") }
    }
}
