import ArgumentParser
import Training
import Zoo

/// `train`: a network learns a text.
struct TrainCommand: Command {
    static let about = CommandDescription(
        "train", "teach a network a text",
        usage: "RECIPE | --corpus FILE … | --init MODEL --data FILE … [--resume] [--report FILE] [--json]",
        discussion: """
            A recipe is a file of lines `key = value`; its keys are the options below without their dashes, which override it.
            RECIPE may also be a folder with a file `recipe` in it, or the name of one in the zoo. No recipe is needed.

            The archive is the model with the lowest loss on the text for validation, or, without one, the last. Beside it stands a
            checkpoint: --resume goes on from it to the same bits as a run that was never interrupted. Ctrl-C writes it first.
            """,
        examples: [
            ("--corpus input.txt --cell gru --layers 2 --hidden 256 --epochs 10 --out input.rnnz", "a model of one's own"),
            ("shakespeare --corpus input.txt --seed 2", "by a recipe of the zoo"),
            ("shakespeare --corpus input.txt --resume", "on from where it was interrupted"),
            (
                "--init lm.rnnz --data more.txt --out lm2.rnnz --optimizer adam --lr 1e-4 --window 64 --batch 1 --steps 100",
                "a model learns more"
            ),
        ])

    static var options: [OptionDescription] {
        OptionDescription.all(of: TrainCommand.self)
            + RecipeKey.groups.flatMap { group in group.keys.map { OptionDescription($0, section: group.title) } }
    }

    @Argument(help: ArgumentHelp("a recipe, or a folder with one", valueName: "RECIPE"), completion: .file())
    var recipe: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "a corpus that is read as it is, from its beginning: nothing is kept for validation, no state is reset",
            valueName: "FILE"),
        completion: .file())
    var data: String?

    @Flag(help: "go on from the checkpoint; without a recipe or corpus by the one that it keeps")
    var resume = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("a page with curves and samples, and the same as JSON beside it", valueName: "FILE"),
        completion: .file())
    var report: String?

    @Flag(help: "a line for each step: step, loss, gradient_norm")
    var json = false

    /// `NAME=VALUE`, in the order in which they were typed.
    @Option(name: .customLong("recipe-setting"), parsing: .unconditionalSingleValue, help: .hidden)
    var settings: [String] = []

    static func prepared(_ words: [String]) throws -> [String] { try RecipeSettings.prepared(words, for: TrainCommand.self) }

    func validate() throws { try asValidation { _ = try overridden(Recipe()) } }

    func run(in shell: Shell) throws { try TrainingRun(self, in: shell).run() }

    /// With what was said on the command line, the later over the earlier.
    func overridden(_ recipe: Recipe) throws -> Recipe {
        var recipe = recipe
        if let data {
            recipe.corpus = data
            (recipe.validation, recipe.validationShare, recipe.zeroStateShare) = (nil, 0, 0)
        }
        if data != nil, settings.contains(where: { $0.hasPrefix("corpus=") }) {
            throw Failure.usage("--data and --corpus exclude each other")
        }
        try RecipeSettings.apply(settings, to: &recipe)
        return recipe
    }

    /// The file of the recipe that was named; nil: none was.
    func recipePath(in shell: Shell) -> String? {
        guard let recipe else { return nil }
        if Files.isFolder(recipe) { return recipe + "/recipe" }
        if !recipe.contains("/"), !Files.exists(recipe) {
            let paths = shell.zoo.folders.map { "\($0)/\(recipe)/recipe" }
            if let path = paths.first(where: Files.exists) { return path }
        }
        return recipe
    }
}
