"""Operations: the local system and the command line."""
