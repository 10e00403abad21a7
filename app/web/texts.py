"""What the pages say, in Brazilian Portuguese and in English."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from app.models.fields import Status

Kind: TypeAlias = Status | Literal["search", "unknown", "mistyped", "busy"]
"""What a page is about: the status of a parcel, or why there is none."""


@dataclass(frozen=True, slots=True)
class Texts:
    """All sentences of a page in one language; `headings` and `advice` have one for each kind."""

    lang: str
    locale: str
    """The same as Open Graph writes it."""
    other_lang: str
    other_name: str
    address: str
    """Where a posting's page in this language stands."""
    again: str
    label: str
    another: str
    search: str
    history: str
    estimated: str
    destination: str
    stalled: str
    zone: str
    own_zone: str
    """Instead of `zone`, where times are shown in the reader's own."""
    live: str
    news: str
    documentation: str
    day: str
    moment: str
    headings: dict[Kind, str]
    advice: dict[Kind, str]


PORTUGUESE: Final = Texts(
    lang="pt-BR",
    locale="pt_BR",
    other_lang="en",
    other_name="English",
    address="/rastreio/",
    again="Tentar de novo",
    label="Código de rastreio",
    another="Outro código de rastreio",
    search="Rastrear",
    history="Histórico",
    estimated="Entrega prevista",
    destination="Destino",
    stalled="Sem movimento há {} dias.",
    zone="Horários de Brasília.",
    own_zone="Horários no seu fuso: {}.",
    live="Esta página se atualiza sozinha.",
    news="Novidade:",
    documentation="Documentação da API",
    day="%d/%m/%Y",
    moment="%d/%m/%Y, %H:%M",
    headings={
        "search": "Onde está a sua encomenda?",
        "unknown": "Encomenda não encontrada",
        "mistyped": "Confira o código",
        "busy": "Não conseguimos responder agora",
        "pending": "Aguardando envio",
        "shipped": "A caminho",
        "delivered": "Entregue",
        "returned": "Devolvida ao remetente",
        "cancelled": "Cancelada",
    },
    advice={
        "search": "Digite ou cole o código de rastreio. Espaços e letras minúsculas não atrapalham.",
        "unknown": "O código está bem escrito, mas ainda não o conhecemos. Se a compra é recente, tente de novo mais tarde.",
        "mistyped": "Há um erro de digitação: um código tem duas letras, nove números e mais duas letras.",
        "busy": "A sua encomenda não foi afetada. Tente de novo em alguns segundos.",
        "pending": "O remetente está preparando a encomenda. Não é preciso fazer nada agora.",
        "shipped": "A encomenda está em trânsito. Cuide para que alguém possa recebê-la.",
        "delivered": "Se você não a recebeu, pergunte aos vizinhos ou na portaria e depois fale com o remetente.",
        "returned": "Fale com o remetente para combinar um novo envio ou o reembolso.",
        "cancelled": "Este envio não será feito. Fale com o remetente se isso for uma surpresa.",
    },
)

ENGLISH: Final = Texts(
    lang="en",
    locale="en_GB",
    other_lang="pt-BR",
    other_name="Português",
    address="/track/",
    again="Try again",
    label="Tracking code",
    another="Another tracking code",
    search="Track",
    history="History",
    estimated="Estimated delivery",
    destination="Destination",
    stalled="Not moved for {} days.",
    zone="Times are those of Brasília, Brazil (UTC\N{NON-BREAKING HYPHEN}3).",
    own_zone="Times are in your own zone: {}.",
    live="This page updates itself.",
    news="News:",
    documentation="API documentation",
    day="%d %b %Y",
    moment="%d %b %Y, %H:%M",
    headings={
        "search": "Where is your parcel?",
        "unknown": "Parcel not found",
        "mistyped": "Check the code",
        "busy": "We cannot answer right now",
        "pending": "Waiting to be shipped",
        "shipped": "On its way",
        "delivered": "Delivered",
        "returned": "Returned to the sender",
        "cancelled": "Cancelled",
    },
    advice={
        "search": "Type or paste the tracking code. Spaces and small letters are fine.",
        "unknown": "The code is well-formed, but we do not know it yet. If you ordered just now, try again later.",
        "mistyped": "There is a typing error: a code has two letters, nine digits and two more letters.",
        "busy": "Your parcel is not affected. Try again in a few seconds.",
        "pending": "The sender is preparing the parcel. There is nothing to do for now.",
        "shipped": "The parcel is in transit. See that somebody can receive it.",
        "delivered": "If you have not got it, ask your neighbours or the front desk, then the sender.",
        "returned": "Ask the sender for another shipment or a refund.",
        "cancelled": "This shipment will not take place. Ask the sender if that surprises you.",
    },
)


def preferred_texts(accept_language: str) -> Texts:
    """The first language of the header that there is; Portuguese where there is none (only the order counts, not the weights)."""
    for item in accept_language.lower().split(","):
        for texts in (PORTUGUESE, ENGLISH):
            if item.strip().startswith(texts.lang[:2]):
                return texts
    return PORTUGUESE
