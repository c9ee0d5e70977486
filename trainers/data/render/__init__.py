"""Text lines drawn from labels and fonts, made to look like photographs and prints."""
