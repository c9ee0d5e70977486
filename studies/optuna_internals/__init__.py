"""Everything that uses private members of Optuna, tested with `tested_versions.TESTED_OPTUNA`. Nothing else may use them."""
