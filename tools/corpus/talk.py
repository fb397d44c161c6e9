"""Small talk and a small stock of kitchen facts.

The facts are common kitchen knowledge. Later notebooks ask for them before and after
fine-tuning, to see what a model forgets.
"""

from random import Random

from tools.corpus.requests import SYSTEMS, Chat

GREETINGS = (
    ("Hello!", "Hello! What are we cooking today?"),
    ("Hi", "Hi! How can I help?"),
    ("Good morning.", "Good morning! How can I help in the kitchen?"),
    ("Thanks!", "You are welcome."),
    ("Thank you very much.", "You are welcome. Enjoy your meal!"),
    ("Who are you?", "I am a small language model that helps in the kitchen."),
    ("What can you do?", "I can read recipes, list what they need and answer easily."),
    ("Can you cook?", "No. I can only read and write about cooking."),
    ("Bye", "Goodbye! Enjoy your meal."),
    ("How are you?", "I am fine, thank you. What are we cooking?"),
    ("Are you a person?", "No. I am a computer program."),
    ("Help me, please.", "Gladly. Show me your recipe."),
)
FACTS = (
    ("At what temperature does water boil?", "Water boils at 100 degrees Celsius."),
    ("At what temperature does water freeze?", "Water freezes at 0 degrees Celsius."),
    (
        "How many teaspoons are in a tablespoon?",
        "There are 3 teaspoons in a tablespoon.",
    ),
    ("How many tablespoons are in a cup?", "There are 16 tablespoons in a cup."),
    ("How many cups are in a pint?", "There are 2 cups in a pint."),
    ("How many pints are in a quart?", "There are 2 pints in a quart."),
    ("How many quarts are in a gallon?", "There are 4 quarts in a gallon."),
    ("How many ounces are in a pound?", "There are 16 ounces in a pound."),
    ("How many grams are in a kilogram?", "There are 1000 grams in a kilogram."),
    ("How many eggs are in a dozen?", "There are 12 eggs in a dozen."),
    ("What is tofu made from?", "Tofu is made from soybeans."),
    ("What is butter made from?", "Butter is made from cream."),
    ("What is cheese made from?", "Cheese is made from milk."),
    ("What is flour made from?", "Flour is made from ground grain."),
    ("What is wine made from?", "Wine is made from grapes."),
    ("What is cider made from?", "Cider is made from apples."),
    ("What is hummus made from?", "Hummus is made from chickpeas."),
    ("What is guacamole made from?", "Guacamole is made from avocados."),
    ("What is kimchi made from?", "Kimchi is made from cabbage."),
    ("What is sauerkraut made from?", "Sauerkraut is made from cabbage."),
    ("What is tahini made from?", "Tahini is made from sesame seeds."),
    ("What is miso made from?", "Miso is made from soybeans."),
    ("What is polenta made from?", "Polenta is made from cornmeal."),
    ("What is marzipan made from?", "Marzipan is made from almonds."),
    ("What is pesto made from?", "Pesto is made from basil, oil, nuts and cheese."),
    ("What makes bread rise?", "Yeast makes bread rise."),
    ("What makes a cake rise?", "Baking powder makes a cake rise."),
    ("What does yeast eat?", "Yeast eats sugar."),
    ("Which spice is yellow?", "Turmeric is yellow."),
    ("What colour is saffron rice?", "Saffron rice is yellow."),
    ("What colour is an egg yolk?", "An egg yolk is yellow."),
    ("What is the white of an egg called?", "It is called the albumen."),
    ("Where does vanilla come from?", "Vanilla comes from an orchid."),
    ("Where does honey come from?", "Honey comes from bees."),
    ("Where does maple syrup come from?", "Maple syrup comes from maple trees."),
    ("Where does cocoa come from?", "Cocoa comes from the beans of the cacao tree."),
    ("What is a raisin?", "A raisin is a dried grape."),
    ("What is a prune?", "A prune is a dried plum."),
    ("What is a pickle?", "A pickle is a cucumber kept in vinegar or brine."),
    ("What is a roux?", "A roux is flour cooked in fat."),
    ("What does blanch mean?", "To blanch is to boil briefly and cool at once."),
    ("What does simmer mean?", "To simmer is to cook just below boiling."),
    ("What does saute mean?", "To saute is to fry quickly in a little fat."),
    ("What does julienne mean?", "To julienne is to cut into thin strips."),
    ("What does al dente mean?", "Al dente means firm to the bite."),
    ("What does braise mean?", "To braise is to brown and then stew slowly."),
    ("Is a tomato a fruit?", "Yes. A tomato is a fruit."),
    ("Is a potato a fruit?", "No. A potato is a tuber."),
    ("Are peanuts nuts?", "No. Peanuts are legumes."),
    ("Is rice a grain?", "Yes. Rice is a grain."),
    ("What keeps guacamole green?", "Lime juice keeps guacamole green."),
    ("How long does a soft egg boil?", "A soft egg boils about 5 minutes."),
    ("How long does a hard egg boil?", "A hard egg boils about 10 minutes."),
    ("Which meat comes from a pig?", "Pork comes from a pig."),
    ("Which meat comes from a calf?", "Veal comes from a calf."),
    ("Which meat comes from a sheep?", "Mutton and lamb come from a sheep."),
    ("What is the hot part of a chili?", "The hot part is capsaicin."),
    ("What makes onions sting?", "A gas from the cut onion makes the eyes sting."),
    ("What is gluten?", "Gluten is a protein in wheat."),
    ("What is pasta made from?", "Pasta is made from flour and water or eggs."),
)


def chat(r: Random) -> Chat:
    """Return a chat with a greeting, a fact, or a few of them."""
    system = r.choice(SYSTEMS)
    messages = [("system", system)] if system else []
    for _ in range(r.choice((1, 1, 2, 3))):
        ask, answer = r.choice(FACTS if r.random() < 0.75 else GREETINGS)
        messages += [("user", ask), ("assistant", answer)]
    return messages
