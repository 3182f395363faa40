"""Every fault that is planted."""

from __future__ import annotations

from tests.planted.plants import PLANTS
from tests.planted.plants_of_asking import OF_ASKING
from tests.planted.plants_of_bursts import OF_BURSTS
from tests.planted.plants_of_guards import OF_GUARDS
from tests.planted.plants_of_holding import OF_HOLDING
from tests.planted.plants_of_looks import OF_LOOKS
from tests.planted.plants_of_names import OF_NAMES
from tests.planted.plants_of_neighbours import OF_NEIGHBOURS
from tests.planted.plants_of_nodes import OF_NODES
from tests.planted.plants_of_steps import OF_STEPS
from tests.planted.plants_of_taking import OF_TAKING

EVERY = (
    *PLANTS,
    *OF_STEPS,
    *OF_NODES,
    *OF_GUARDS,
    *OF_NEIGHBOURS,
    *OF_TAKING,
    *OF_ASKING,
    *OF_HOLDING,
    *OF_LOOKS,
    *OF_BURSTS,
    *OF_NAMES,
)
