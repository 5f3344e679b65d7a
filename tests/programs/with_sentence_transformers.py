"""sentence-transformers: encoders made of modules, with tokenizers that are made here."""

from pathlib import Path

import report
import torch
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, StaticEmbedding
from sentence_transformers.sentence_transformer.modules import Transformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, BertModel
from transformers import PreTrainedTokenizerFast

SENTENCES = ["a red fish", "two blue fish swim", "red red"]


def tokenizer():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "blue", "fish", "two", "swim"]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def encoder(kind, folder):
    config = BertConfig(vocab_size=10, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=32, num_labels=1)
    kind(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer(), pad_token="[PAD]", unk_token="[UNK]",
                            cls_token="[CLS]", sep_token="[SEP]",
                            model_max_length=32).save_pretrained(folder)
    return folder


def model():
    body = Transformer(encoder(BertModel, "body"))
    dense = Dense(in_features=16, out_features=8)
    return SentenceTransformer(modules=[body, Pooling(16), dense], device="cpu")


def train(trained):
    optimizer = torch.optim.SGD(trained.parameters(), 0.1)
    features = trained.preprocess(SENTENCES)
    trained(features)["sentence_embedding"].pow(2).sum().backward()
    optimizer.step()


def file_sum(file):
    """In a child."""
    return sum(tensor.sum().item() for tensor in load_file(file).values())


def path(report_):
    model().save_pretrained("saved")
    loaded = SentenceTransformer("saved", device="cpu")
    report_.tensors("said", {"embeddings": loaded.encode(SENTENCES)})
    train(loaded)
    loaded.save_pretrained("saved")
    report_.tensors("after the save", loaded.state_dict())
    again = SentenceTransformer("saved", device="cpu")
    report_.tensors("again", again.state_dict())
    again.save_pretrained("saved")
    files = sorted(str(file) for file in Path("saved").rglob("*.safetensors"))
    assert len(files) == 2
    with torch.multiprocessing.get_context("fork").Pool(2) as pool:
        report_.value("by workers", pool.map(file_sum, files))
    report.cut("saved/model.safetensors", 100)
    report_.refused("a file cut in its header", lambda: SentenceTransformer("saved", device="cpu"))


def static_embedding(report_):
    made = SentenceTransformer(modules=[StaticEmbedding(tokenizer(), embedding_dim=8)], device="cpu")
    made.save_pretrained("static")
    loaded = SentenceTransformer("static", device="cpu")
    loaded.save_pretrained("static")
    report_.tensors("said", {"embeddings": loaded.encode(SENTENCES)})
    report_.tensors("static", loaded.state_dict())


def cross_encoder(report_):
    made = CrossEncoder(encoder(BertForSequenceClassification, "pair"), device="cpu")
    made.save_pretrained("saved")
    loaded = CrossEncoder("saved", device="cpu")
    report_.tensors("said", {"scores": loaded.predict([(SENTENCES[0], SENTENCES[1])])})
    loaded.save_pretrained("saved")


if __name__ == "__main__":
    report.run(path, static_embedding, cross_encoder)
