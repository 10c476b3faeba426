import Foundation
import Testing

@testable import Training

/// The recipes that ship.
@Suite struct ZooRecipeTests {
    static let zoo = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "zoo")

    private static func recipe(_ name: String) throws -> Recipe { try Recipe(path: zoo.appending(path: "\(name)/recipe").path) }

    private static func parameters(_ recipe: Recipe, vocabulary: Int) throws -> Int {
        try recipe.network(vocabulary: vocabulary).tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    @Test(arguments: ["shakespeare", "names", "elman", "lstm", "gru"]) func isWhole(_ name: String) throws {
        let recipe = try Self.recipe(name)
        #expect(recipe.name == name && recipe.license != nil && recipe.note?.contains("public domain") == true)
        #expect(recipe.validationShare == 0.1 && recipe.seed == 1 && recipe.output == nil)
        try recipe.trainerOptions(seed: 1).check(hasValidation: true)
    }

    /// Two bytes a number leave room for the rest of 8 MB.
    @Test func shakespeareIsSmallEnough() throws {
        let recipe = try Self.recipe("shakespeare")
        #expect(recipe.storage == .f16)
        #expect(try Self.parameters(recipe, vocabulary: 65) == 3_457_729)
    }

    /// The comments of the recipes state these numbers.
    @Test func theThreeCellsAreOfOneSize() throws {
        let sizes = try ["elman", "lstm", "gru"].map { try Self.parameters(Self.recipe($0), vocabulary: 65) }
        #expect(sizes == [352_177, 350_593, 353_125])
        let others = try ["elman", "lstm", "gru"].map { name in
            var recipe = try Self.recipe(name)
            let own = Recipe()
            (recipe.name, recipe.description, recipe.cell, recipe.hidden) = (nil, nil, own.cell, own.hidden)
            return recipe
        }
        // Their corpora stand beside them.
        #expect(Set(others.map { $0.settings.filter { $0.name != "corpus" }.map(\.value) }).count == 1)
    }
}
